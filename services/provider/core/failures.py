"""What a vendor's failure means to the mesh.

Every failure becomes a status that Envoy moves on from to the next provider. A status it does not move on from
(INVALID_ARGUMENT, for example) would win the race when it comes from a hedge, and cancel a first provider that is still
working well. What another vendor may accept although this one refuses is ABORTED: it is retried as the others are, but
the outlier detection does not count it against a vendor that is healthy (trap T29).
"""

import math
from datetime import datetime
from email.utils import parsedate_to_datetime

from services.chassis.errors import Kind, MeshError, WorldError

LONGEST_WAIT_S = 3600.0
"""A vendor that asks for more is asked again all the same."""
CONTEXT_TOO_LONG_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
"""OpenAI's, llama.cpp's and Anthropic's words for a prompt that does not fit."""
_RATE_CODES = frozenset({"rate_limit_error", "rate_limit_exceeded"})
_OVERLOAD_CODES = frozenset({"overloaded_error", "server_is_overloaded"})

_UNPAID_CODES = frozenset({"insufficient_quota", "billing_error"})
"""OpenAI's and Anthropic's words for a key that nobody pays for; OpenAI sends its word with 429."""

_TOO_MANY_REQUESTS = 429
_OVERLOADED = frozenset({503, 529})
"""529 is Anthropic's."""
_CREDENTIALS = frozenset({401, 402, 403})
"""402 says that nobody pays for the key."""
_TIMEOUTS = frozenset({408, 504, 524})
"""524 is Cloudflare's."""
_CLIENT_ERRORS = range(400, 500)
_NO_CONNECTION = "connection"
_TIMEOUT = "timeout"
_SET_ASIDE = "set-aside"
_OVERLOADED_CAUSE = "overloaded"


def from_status(
    vendor: str, status: int, *, codes: frozenset[str] = frozenset(), retry_after_s: float | None = None
) -> MeshError:
    """Return the error for a reply with an HTTP ``status`` of 400 or more; ``codes`` are the vendor's words for it."""
    facts = {"provider": vendor, "http_status": str(status)}
    if codes & CONTEXT_TOO_LONG_CODES:
        return _aborted("PROVIDER_PROMPT_TOO_LONG", f"the prompt does not fit {vendor}'s model", facts)
    if status in _CREDENTIALS or codes & _UNPAID_CODES:
        return _unavailable("PROVIDER_CREDENTIALS_REJECTED", f"{vendor} rejects our key", facts)
    if status == _TOO_MANY_REQUESTS:
        return _rate_limited(vendor, facts, retry_after_s)
    if status in _TIMEOUTS:
        # A proxy gave up waiting: what the vendor did meanwhile may be charged, so this is no plain refusal.
        return timed_out(vendor)
    if status in _CLIENT_ERRORS:
        return _aborted("PROVIDER_REJECTED", f"{vendor} rejects the request", facts)
    cause = _OVERLOADED_CAUSE if status in _OVERLOADED else "failed"
    return _unavailable("PROVIDER_UNAVAILABLE", f"{vendor} {cause}", {**facts, "cause": cause}, retry_after_s)


def malformed(vendor: str, what: str) -> MeshError:
    """Return the error for a reply that is not what the vendor's API promises (spec row PRV-14)."""
    return _unavailable("PROVIDER_MALFORMED", f"{vendor} sent {what}", {"provider": vendor})


def keyless(vendor: str) -> MeshError:
    """Return the error for keys of ours that cannot be read, or a file without any."""
    facts = {"provider": vendor, "cause": _SET_ASIDE}
    return _unavailable("PROVIDER_CREDENTIALS_REJECTED", f"there is no key for {vendor} that can be read", facts)


def revoked(vendor: str) -> MeshError:
    """Return the error for a vendor that has rejected every key of ours."""
    facts = {"provider": vendor, "cause": _SET_ASIDE}
    return _unavailable("PROVIDER_CREDENTIALS_REJECTED", f"{vendor} has rejected every key of ours", facts)


def exhausted(vendor: str, retry_after: float) -> MeshError:
    """Return the error for a time in which every key has used up what the vendor allows."""
    return _rate_limited(vendor, {"provider": vendor, "cause": _SET_ASIDE}, retry_after)


def broken_circuit(vendor: str, retry_after: float) -> MeshError:
    """Return the error for a vendor that failed so often that it is left alone for a while."""
    facts = {"provider": vendor, "cause": _SET_ASIDE}
    return _unavailable("PROVIDER_UNAVAILABLE", f"{vendor} failed too often", facts, retry_after)


def incapable(vendor: str, what: str) -> MeshError:
    """Return the error for a request that this vendor cannot serve and another one may."""
    return _aborted("PROVIDER_REJECTED", f"{vendor} {what}", {"provider": vendor, "cause": _SET_ASIDE})


def timed_out(vendor: str) -> MeshError:
    """Return the error for a vendor that did not answer, or stopped answering, in time."""
    return _without_status(vendor, _TIMEOUT, "did not answer in time")


def expired(vendor: str) -> MeshError:
    """Return the error for a caller whose time was over before the vendor had answered."""
    return WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", f"the time was over before {vendor} answered")


def unreachable(vendor: str) -> MeshError:
    """Return the error for a connection that could not be made."""
    return _without_status(vendor, _NO_CONNECTION, "could not be reached")


def hung_up(vendor: str) -> MeshError:
    """Return the error for a connection that broke while the vendor was at work."""
    return _without_status(vendor, "hang-up", "hung up")


def is_timeout(error: MeshError) -> bool:
    """Return whether the vendor did not answer in time."""
    return error.metadata.get("cause") == _TIMEOUT


def is_unpaid(error: MeshError) -> bool:
    """Return whether the vendor did no work that it could charge for: it refused, or never got the request."""
    return "http_status" in error.metadata or error.metadata.get("cause") in {_NO_CONNECTION, _SET_ASIDE}


def is_about_the_key(error: MeshError) -> bool:
    """Return whether another key of ours may be served, and trying it costs nothing twice."""
    return error.reason in {"PROVIDER_RATE_LIMITED", "PROVIDER_CREDENTIALS_REJECTED"} and is_unpaid(error)


def may_be_repeated(error: MeshError) -> bool:
    """Return whether the same call may succeed in a moment, and trying that costs nothing twice (spec row PRV-03)."""
    passing = error.reason == "PROVIDER_RATE_LIMITED" or (
        error.reason == "PROVIDER_UNAVAILABLE"
        and error.metadata.get("cause") in {_NO_CONNECTION, _OVERLOADED_CAUSE, _SET_ASIDE}
    )
    return passing and is_unpaid(error)


def in_stream(vendor: str, codes: frozenset[str]) -> MeshError:
    """Return the error for an error object that arrives where a token was due."""
    if codes & _RATE_CODES:
        return _rate_limited(vendor, {"provider": vendor}, None)
    if codes & _OVERLOAD_CODES:
        return _without_status(vendor, _OVERLOADED_CAUSE, "is overloaded")
    if codes & CONTEXT_TOO_LONG_CODES:
        return _aborted("PROVIDER_PROMPT_TOO_LONG", f"the prompt does not fit {vendor}'s model", {"provider": vendor})
    return _without_status(vendor, "failed", "failed inside its stream")


def broken(vendor: str, sent_characters: int, error: MeshError) -> MeshError:
    """Return the error for a stream that failed with ``error`` after ``sent_characters`` had been passed on."""
    facts = {"provider": vendor, "sent_characters": str(sent_characters), "cause": error.reason}
    return _unavailable("STREAM_BROKEN", f"{vendor} broke off after {sent_characters} characters", facts)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110 10.2.3): an hour at most, None where there is none."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = _seconds_until(header, now)
    return min(seconds, LONGEST_WAIT_S) if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str, now: datetime) -> float:
    try:
        return max(0.0, (parsedate_to_datetime(date) - now).total_seconds())
    except (ValueError, TypeError):
        return math.nan


def _rate_limited(vendor: str, facts: dict[str, str], retry_after: float | None) -> MeshError:
    message = f"{vendor} limits the rate of our calls"
    return WorldError(Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED", message, metadata=facts, retry_after_s=retry_after)


def _without_status(vendor: str, cause: str, what: str) -> MeshError:
    return _unavailable("PROVIDER_UNAVAILABLE", f"{vendor} {what}", {"provider": vendor, "cause": cause})


def _unavailable(reason: str, message: str, facts: dict[str, str], retry_after: float | None = None) -> MeshError:
    return WorldError(Kind.UNAVAILABLE, reason, message, metadata=facts, retry_after_s=retry_after)


def _aborted(reason: str, message: str, facts: dict[str, str]) -> MeshError:
    return WorldError(Kind.ABORTED, reason, message, metadata=facts)
