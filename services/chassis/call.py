"""The call that is being served: who asks, under which ids, and how long the answer may take."""

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache

from services.chassis.clock import RandomIds
from services.chassis.errors import CallerError, Kind

REQUEST_ID_KEY = "x-request-id"
TRACEPARENT_KEY = "traceparent"
TENANT_KEY = "x-magistrate-tenant"
SUBJECT_KEY = "x-magistrate-subject"
ROLES_KEY = "x-magistrate-roles"
CALLER_KEY = "x-forwarded-client-cert"
"""Written by the service's own proxy alone, from the certificate that it verified."""
CLOCK_SLACK_S = 0.005
"""A timer may wake a few milliseconds before the deadline that it was set to."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_CALLER = re.compile(r"(?:^|[;,])URI=(spiffe://[A-Za-z0-9._/-]{1,200})(?:$|[;,])")
_TRACE_ID = slice(3, 35)
_TRACE_ID_BITS, _SPAN_ID_BITS = 128, 64
_IDS = RandomIds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever asks, as the edge verified it."""

    tenant: str = ""
    """The tenant whose data may be touched."""
    subject: str = ""
    """The person or program within the tenant."""
    roles: tuple[str, ...] = ()
    """Roles of ``services.topology.Role``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call on its way through the mesh."""

    request_id: str = ""
    """Correlates every log line, reply and piece of evidence of one request from outside."""
    principal: Principal = Principal()
    """Who asks."""
    deadline: float | None = None
    """When the answer is worthless, in seconds of ``time.monotonic``; None where the caller set none."""
    traceparent: str = ""
    """W3C trace context of the span that covers this call."""
    caller: str = ""
    """SPIFFE id of the service that calls; empty where no proxy has verified one. The next hop has ours."""

    @property
    def trace_id(self) -> str:
        """Return the 32 hexadecimal digits of the trace, or nothing outside of one."""
        return self.traceparent[_TRACE_ID]


_NO_CALL = Call()
_current: ContextVar[Call] = ContextVar("magistrate_call", default=_NO_CALL)


def current() -> Call:
    """Return the call that is being served; outside of one an empty call without a deadline."""
    return _current.get()


def tenant() -> str:
    """Return the tenant whose data the current call may touch: the verified one, never one that a message names.

    Raises:
        CallerError: UNAUTHENTICATED, TOKEN_MISSING where there is none: rows of no tenant would be everybody's.
    """
    name = _current.get().principal.tenant
    if not name:
        raise CallerError(Kind.UNAUTHENTICATED, "TOKEN_MISSING", "the call names no tenant; come in through the edge")
    return name


def enter(call: Call) -> None:
    """Make ``call`` the current one for the rest of this task."""
    _current.set(call)


def detach() -> None:
    """Keep ids and principal but drop the deadline: for work that goes on after the reply."""
    _current.set(replace(_current.get(), deadline=None))


def remaining_s() -> float | None:
    """Return the seconds that are left for the current call, never below 0; None if it has no deadline."""
    deadline = _current.get().deadline
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def is_over() -> bool:
    """Tell whether the time of the current call has ended, or ends within CLOCK_SLACK_S: then nobody took it back."""
    left = remaining_s()
    return left is not None and left <= CLOCK_SLACK_S


def from_metadata(metadata: Mapping[str, str | bytes], remaining: float | None) -> Call:
    """Return the call that arrived with ``metadata`` and ``remaining`` seconds.

    A request id or traceparent that is missing or malformed is replaced, never refused: both only help people.
    """
    request_id = metadata.get(REQUEST_ID_KEY)
    traceparent = metadata.get(TRACEPARENT_KEY)
    return Call(
        request_id=request_id if isinstance(request_id, str) and _REQUEST_ID.fullmatch(request_id) else _IDS.new(),
        principal=_principal(
            str(metadata.get(TENANT_KEY, "")), str(metadata.get(SUBJECT_KEY, "")), str(metadata.get(ROLES_KEY, ""))
        ),
        deadline=None if remaining is None else time.monotonic() + remaining,
        traceparent=traceparent
        if isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent)
        else new_traceparent(),
        caller=_caller(metadata.get(CALLER_KEY)),
    )


def to_metadata(call: Call, extra: Iterable[tuple[str, str | bytes]] = ()) -> list[tuple[str, str | bytes]]:
    """Return the metadata that carries ``call`` to the next hop; an entry of ``extra`` replaces the call's own."""
    principal = call.principal
    own: dict[str, str | bytes] = {
        REQUEST_ID_KEY: call.request_id or _IDS.new(),
        TRACEPARENT_KEY: call.traceparent or new_traceparent(),
    }
    if principal.tenant:
        own[TENANT_KEY] = principal.tenant
    if principal.subject:
        own[SUBJECT_KEY] = principal.subject
    if principal.roles:
        own[ROLES_KEY] = " ".join(principal.roles)
    given = list(extra)
    for key, _ in given:
        own.pop(key, None)
    return [*own.items(), *given]


def new_traceparent() -> str:
    """Return the trace context of a new trace that nobody samples."""
    return f"00-{secrets.randbits(_TRACE_ID_BITS):032x}-{secrets.randbits(_SPAN_ID_BITS):016x}-00"


def _caller(certificate: str | bytes | None) -> str:
    found = _CALLER.search(certificate) if isinstance(certificate, str) else None
    return found[1] if found else ""


@lru_cache(maxsize=1024)
def _principal(tenant: str, subject: str, roles: str) -> Principal:
    return Principal(tenant=tenant, subject=subject, roles=tuple(roles.split()))
