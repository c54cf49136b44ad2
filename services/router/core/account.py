"""Tries at providers, how they ended, and what each one cost."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.router.core.catalogue import Model


class Outcome(StrEnum):
    """How a try ended."""

    WON = "won"
    """Its answer was used."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    """It was taken back, or its answer came too late for anybody."""
    UNKNOWN = "unknown"
    """It was started, or may have been, and nobody knows what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one try."""

    input_tokens: int
    output_tokens: int
    estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at one provider, priced."""

    model: Model
    outcome: Outcome
    started_at: datetime
    duration: timedelta
    usage: Usage
    micro_usd: int
    first_token_after: timedelta | None = None
    reason: str = ""
    """ErrorReason name of a failed try."""
    key_fingerprint: str = ""
    """Which of the vendor's keys paid, where it is known."""
    number: int = 1
    """Unique within its call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a call to the providers began and how long it took."""

    started_at: datetime
    duration: timedelta
    first_token_after: timedelta | None = None

    def last(self, took: timedelta) -> "Span":
        """Return the last ``took`` of this time: when the try that ended it was made."""
        before = max(timedelta(0), self.duration - took)
        first = self.first_token_after
        return Span(
            started_at=self.started_at + before,
            duration=self.duration - before,
            first_token_after=None if first is None else max(timedelta(0), first - before),
        )


def won(model: Model, usage: Usage, span: Span, took: timedelta) -> Attempt:
    """Return the try that answered a call of ``span`` within ``took``, as its reply tells."""
    own = span.last(took)
    return Attempt(
        model=model,
        outcome=Outcome.WON,
        started_at=own.started_at,
        duration=own.duration,
        first_token_after=own.first_token_after,
        usage=usage,
        micro_usd=model.price.of(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
    )


def broken_off(attempts: Sequence[Attempt], providers: Collection[str]) -> tuple[Attempt, ...]:
    """Return ``attempts`` with those at ``providers``, whose answers broke off under way, as failed.

    An adapter cannot know it where the router cut a stalled stream, or where it was killed itself.
    """
    return tuple(
        replace(attempt, outcome=Outcome.FAILED, reason=attempt.reason or "STREAM_BROKEN")
        if attempt.model.provider in providers and attempt.outcome in {Outcome.CANCELLED, Outcome.UNKNOWN}
        else attempt
        for attempt in attempts
    )


def total_micro_usd(attempts: Sequence[Attempt]) -> int:
    """Return what all tries cost together."""
    return sum(attempt.micro_usd for attempt in attempts)
