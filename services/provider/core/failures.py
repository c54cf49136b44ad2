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

CONTEXT_TOO_LONG_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
"""OpenAI's and llama.cpp's words for a prompt that does not fit the model."""

_TOO_MANY_REQUESTS = 429
_OVERLOADED = frozenset({503, 529})
"""529 is Anthropic's."""
_CREDENTIALS = frozenset({401, 403})
_TIMEOUTS = frozenset({408, 504})
_CLIENT_ERRORS = range(400, 500)
_NO_CONNECTION = "connection"


def from_status(
    vendor: str, status: int, *, codes: frozenset[str] = frozenset(), retry_after_s: float | None = None
) -> MeshError:
    """Return the error for a reply with an HTTP ``status`` of 400 or more; ``codes`` are the vendor's words for it."""
    facts = {"provider": vendor, "http_status": str(status)}
    if codes & CONTEXT_TOO_LONG_CODES:
        return _aborted("PROVIDER_PROMPT_TOO_LONG", f"the prompt does not fit {vendor}'s model", facts)
    if status == _TOO_MANY_REQUESTS:
        return _rate_limited(vendor, facts, retry_after_s)
    if status in _CREDENTIALS:
        return _unavailable("PROVIDER_CREDENTIALS_REJECTED", f"{vendor} rejects our key", facts)
    if status in _TIMEOUTS:
        # A proxy gave up waiting: what the vendor did meanwhile may be charged, so this is no plain refusal.
        return timed_out(vendor)
    if status in _CLIENT_ERRORS:
        return _aborted("PROVIDER_REJECTED", f"{vendor} rejects the request", facts)
    cause = "overloaded" if status in _OVERLOADED else "failed"
    return _unavailable("PROVIDER_UNAVAILABLE", f"{vendor} {cause}", {**facts, "cause": cause}, retry_after_s)


def malformed(vendor: str, what: str) -> MeshError:
    """Return the error for a reply that is not what the vendor's API promises (spec row PRV-14)."""
    return _unavailable("PROVIDER_MALFORMED", f"{vendor} sent {what}", {"provider": vendor})


def keyless(vendor: str) -> MeshError:
    """Return the error for a key of ours that cannot be read."""
    return _unavailable("PROVIDER_CREDENTIALS_REJECTED", f"our key for {vendor} cannot be read", {"provider": vendor})


def timed_out(vendor: str) -> MeshError:
    """Return the error for a vendor that did not answer, or stopped answering, in time."""
    return _without_status(vendor, "timeout", "did not answer in time")


def unreachable(vendor: str) -> MeshError:
    """Return the error for a connection that could not be made."""
    return _without_status(vendor, _NO_CONNECTION, "could not be reached")


def hung_up(vendor: str) -> MeshError:
    """Return the error for a connection that broke while the vendor was at work."""
    return _without_status(vendor, "hang-up", "hung up")


def is_unpaid(error: MeshError) -> bool:
    """Return whether the vendor did no work that it could charge for: it refused, or never got the request."""
    return "http_status" in error.metadata or error.metadata.get("cause") == _NO_CONNECTION


def in_stream(vendor: str, codes: frozenset[str]) -> MeshError:
    """Return the error for an error object that arrives where a token was due."""
    if codes & CONTEXT_TOO_LONG_CODES:
        return _aborted("PROVIDER_PROMPT_TOO_LONG", f"the prompt does not fit {vendor}'s model", {"provider": vendor})
    return _without_status(vendor, "failed", "failed inside its stream")


def broken(vendor: str, sent_characters: int, error: MeshError) -> MeshError:
    """Return the error for a stream that failed with ``error`` after ``sent_characters`` had been passed on."""
    facts = {"provider": vendor, "sent_characters": str(sent_characters), "cause": error.reason}
    return _unavailable("STREAM_BROKEN", f"{vendor} broke off after {sent_characters} characters", facts)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110 10.2.3); None when absent or unreadable."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(date) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _rate_limited(vendor: str, facts: dict[str, str], retry_after: float | None) -> MeshError:
    message = f"{vendor} limits the rate of our calls"
    return WorldError(Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED", message, metadata=facts, retry_after_s=retry_after)


def _without_status(vendor: str, cause: str, what: str) -> MeshError:
    return _unavailable("PROVIDER_UNAVAILABLE", f"{vendor} {what}", {"provider": vendor, "cause": cause})


def _unavailable(reason: str, message: str, facts: dict[str, str], retry_after: float | None = None) -> MeshError:
    return WorldError(Kind.UNAVAILABLE, reason, message, metadata=facts, retry_after_s=retry_after)


def _aborted(reason: str, message: str, facts: dict[str, str]) -> MeshError:
    return WorldError(Kind.ABORTED, reason, message, metadata=facts)
