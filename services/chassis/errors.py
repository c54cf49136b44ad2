"""The one error model of the mesh: what went wrong, why, whose fault it is, and what would help.

Only the standard library is imported here, so that every pure core may raise these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_SHOWN_VALUE_CHARS = 64


class Kind(StrEnum):
    """The closed set of ways in which a call can fail; each has exactly one gRPC code (``services.chassis.status``)."""

    INVALID = "invalid"
    """The request can never succeed as it is written."""
    UNAUTHENTICATED = "unauthenticated"
    """Nobody knows who asks."""
    DENIED = "denied"
    """It is known who asks, and they may not."""
    NOT_FOUND = "not_found"
    """The named thing does not exist for this caller."""
    EXISTS = "exists"
    """The named thing exists already."""
    PRECONDITION = "precondition"
    """The request is well formed, but the state of the world forbids it; change the state before asking again."""
    OUT_OF_RANGE = "out_of_range"
    """The request reaches past what exists (a page or an index behind the end)."""
    EXHAUSTED = "exhausted"
    """A limit is reached: size, rate, quota or money."""
    ABORTED = "aborted"
    """A concurrent change won; read again and retry."""
    UNAVAILABLE = "unavailable"
    """Something the service needs does not answer; the same call may succeed later."""
    DEADLINE = "deadline"
    """The time for the call is over."""
    CANCELLED = "cancelled"
    """The caller took the call back."""
    UNIMPLEMENTED = "unimplemented"
    """The service does not do this."""
    INTERNAL = "internal"
    """A promise of the service's own code is broken."""


CALLER_KINDS = frozenset(
    {
        Kind.INVALID,
        Kind.UNAUTHENTICATED,
        Kind.DENIED,
        Kind.NOT_FOUND,
        Kind.EXISTS,
        Kind.PRECONDITION,
        Kind.OUT_OF_RANGE,
        Kind.CANCELLED,
    }
)
"""The kinds that the caller can mend; the others are the world's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field of a request that breaks its rule."""

    field: str
    """Path of the field in the request, e.g. ``documents[2].uri``."""
    problem: str
    """What is wrong and what would be right, in one sentence."""


class MeshError(Exception):
    """A failure that crosses the wire unchanged: the client raises what the server raised.

    Args:
        kind: The way in which the call failed.
        reason: Name of a ``magistrate.common.v1.ErrorReason`` value without its ``ERROR_REASON_`` prefix.
        message: One sentence for the developer who made the call. It never carries what a user wrote.
        metadata: Every part of the message that changes, for programs.
        violations: The fields at fault, for ``Kind.INVALID``.
        retry_after_s: Seconds after which the same call may succeed.
    """

    def __init__(
        self,
        kind: Kind,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] = _NOTHING,
        violations: Sequence[Violation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.message = message
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata))
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s
        self.transport: Mapping[str, str] = _NOTHING
        """Response metadata of the failed hop (winner, attempts), set by the client; it is not sent on."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kind.name}, {self.reason}, {self.message!r})"

    def __reduce__(self) -> tuple[object, ...]:
        state = {
            "metadata": self.metadata,
            "violations": self.violations,
            "retry_after_s": self.retry_after_s,
            "transport": self.transport,
        }
        return (
            type(self),
            (self.kind, self.reason, self.message),
            {name: _plain(value) for name, value in state.items()},
        )


def _plain(value: object) -> object:
    """Return ``value`` in a form that can be pickled: a mapping proxy cannot."""
    return dict(value) if isinstance(value, MappingProxyType) else value


class CallerError(MeshError):
    """The caller can mend it: the same request will fail again."""


class WorldError(MeshError):
    """Something outside the request failed: the same request may succeed later."""


def of_kind(kind: Kind) -> type[MeshError]:
    """Return the class that says whose fault a failure of ``kind`` is."""
    return CallerError if kind in CALLER_KINDS else WorldError


def invalid(field: str, problem: str, *, reason: str = "FIELD_OUT_OF_RANGE", value: object = None) -> CallerError:
    """Return the error for one field that breaks its rule.

    Args:
        field: Path of the field in the request.
        problem: What is wrong and what would be right; it follows the field's name in the message.
        reason: Name of the ErrorReason value.
        value: What was given, when it is neither secret nor prose (a number, an enum name); 64 characters are shown.
    """
    metadata = {"field": field}
    if value is not None:
        metadata["value"] = str(value)[:_SHOWN_VALUE_CHARS]
    violation = Violation(field=field, problem=problem)
    return CallerError(Kind.INVALID, reason, f"{field} {problem}", metadata=metadata, violations=(violation,))


def not_found(reason: str, what: str, id: str) -> CallerError:  # noqa: A002 - the word of the contract
    """Return the error for a thing that does not exist, e.g. ``not_found("PACK_NOT_FOUND", "pack", "handbook")``."""
    shown = id[:_SHOWN_VALUE_CHARS]
    return CallerError(Kind.NOT_FOUND, reason, f"{what} {shown!r} does not exist", metadata={what: shown})


def unavailable(reason: str, message: str, retry_after_s: float | None = None) -> WorldError:
    """Return the error for a dependency that does not answer now."""
    return WorldError(Kind.UNAVAILABLE, reason, message, retry_after_s=retry_after_s)
