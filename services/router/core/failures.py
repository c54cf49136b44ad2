"""What the end of the provider route means to whoever asked the router."""

from collections.abc import Sequence

from services.chassis.errors import CallerError, Kind, MeshError, WorldError

_KEPT = frozenset({Kind.EXHAUSTED, Kind.DEADLINE, Kind.CANCELLED})
"""Kinds that mean the same to the router's caller: slow down, out of time, taken back."""


def exhausted(order: Sequence[str], error: MeshError, *, attempts: int) -> MeshError:
    """Return the error for a call that no provider of ``order`` answered, ``error`` being the last one's."""
    facts = {"order": ",".join(order), "last_reason": error.reason, "attempts": str(attempts)}
    if provider := error.metadata.get("provider"):
        facts["provider"] = provider
    if error.kind in _KEPT:
        message, wait = error.message, error.retry_after_s
        return WorldError(error.kind, error.reason, message, metadata=facts, retry_after_s=wait)
    if error.reason == "PROVIDER_PROMPT_TOO_LONG":
        return CallerError(Kind.INVALID, "PROMPT_TOO_LONG", "the prompt fits no provider of the order", metadata=facts)
    return WorldError(
        Kind.UNAVAILABLE,
        "PROVIDERS_UNAVAILABLE",
        f"none of {len(order)} provider(s) answered; the last one gave {error.reason}",
        # The one degraded mode without a reply to declare it in (spec row ENG-12).
        metadata={**facts, "degraded_mode": "OFFLINE"},
        retry_after_s=error.retry_after_s,
    )


def endless(provider: str) -> MeshError:
    """Return the error for a stream whose last message, with the facts of the answer, never came."""
    facts = {"provider": provider}
    return WorldError(Kind.UNAVAILABLE, "PROVIDER_MALFORMED", "the stream has no last message", metadata=facts)


def stalled(provider: str, idle_s: float) -> MeshError:
    """Return the error for a stream that said nothing more for ``idle_s``."""
    facts = {"provider": provider, "cause": "DEADLINE_EXPIRED"}
    message = f"the stream was silent for {idle_s:g} s"
    return WorldError(Kind.UNAVAILABLE, "STREAM_BROKEN", message, metadata=facts)


def broken(provider: str, sent_characters: int, error: MeshError) -> MeshError:
    """Return the error for a stream that ended after ``sent_characters`` had gone to the caller."""
    cause = error.metadata.get("cause", error.reason) if error.reason == "STREAM_BROKEN" else error.reason
    facts = {"provider": provider, "sent_characters": str(sent_characters), "cause": cause}
    message = f"the answer broke off after {sent_characters} characters"
    return WorldError(Kind.UNAVAILABLE, "STREAM_BROKEN", message, metadata=facts)
