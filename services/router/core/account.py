"""Which tries a call made, how they ended, and what each one cost.

Envoy tells the winner and the number of tries. The tries that did not win failed or were cancelled; which of both
cannot be told from outside, so they are booked as unknown, with the price of the prompt that their vendor may have
read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.router.core.catalogue import Model
from services.router.core.plan import Plan
from services.router.core.prompt import CHARACTERS_PER_TOKEN


class Outcome(StrEnum):
    """How a try ended."""

    WON = "won"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


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


def tried(plan: Plan, winner: str, count: int) -> tuple[Model, ...]:
    """Return the models that were asked, in order, the winner last.

    Envoy goes through the order and passes over ejected providers, so the winner may lie beyond the first ``count``.
    """
    others = [model for model in plan.models if model.provider != winner]
    return (*others[: max(0, count - 1)], plan.model_of(winner))


def answered(plan: Plan, *, winner: str, count: int, usage: Usage, span: Span, took: timedelta) -> tuple[Attempt, ...]:
    """Return the tries of a call that ``winner`` answered within ``took`` after ``count`` tries were started."""
    *losers, last = tried(plan, winner, count)
    won = _attempt(last, Outcome.WON, usage, span.last(took))
    return (*(_unknown(plan, model, span) for model in losers), won)


def failed(
    plan: Plan, *, last: str, count: int, reason: str, span: Span, sent_characters: int = 0
) -> tuple[Attempt, ...]:
    """Return the tries of a call that ended with ``reason``, ``last`` being the provider that ended it."""
    *losers, ended = tried(plan, last or plan.models[min(count, len(plan.models)) - 1].provider, count)
    output = -(-sent_characters // CHARACTERS_PER_TOKEN)
    # A try that failed before its first token is not billed by any vendor; one that broke off later is.
    usage = Usage(input_tokens=plan.input_tokens if output else 0, output_tokens=output, estimated=True)
    return (*(_unknown(plan, model, span) for model in losers), _attempt(ended, Outcome.FAILED, usage, span, reason))


def abandoned(
    plan: Plan, *, span: Span, provider: str = "", sent_characters: int = 0, reason: str = "CANCELLED"
) -> tuple[Attempt, ...]:
    """Return the tries of a call whose caller went away or whose time is over, ``provider`` having sent so much.

    Where nobody had sent anything, everyone who had been asked by then is booked: the next provider joins a silent one
    after each hedge delay.
    """
    joined = 1 + int(span.duration.total_seconds() / plan.hedge_delay_s)
    asked = (plan.model_of(provider),) if provider else plan.models[:joined]
    output = -(-sent_characters // CHARACTERS_PER_TOKEN)
    usage = Usage(input_tokens=plan.input_tokens, output_tokens=output, estimated=True)
    return tuple(_attempt(model, Outcome.UNKNOWN, usage, span, reason) for model in asked)


def total_micro_usd(attempts: Sequence[Attempt]) -> int:
    """Return what all tries cost together."""
    return sum(attempt.micro_usd for attempt in attempts)


def _unknown(plan: Plan, model: Model, span: Span) -> Attempt:
    usage = Usage(input_tokens=plan.input_tokens, output_tokens=0, estimated=True)
    return _attempt(model, Outcome.UNKNOWN, usage, Span(started_at=span.started_at, duration=span.duration))


def _attempt(model: Model, outcome: Outcome, usage: Usage, span: Span, reason: str = "") -> Attempt:
    return Attempt(
        model=model,
        outcome=outcome,
        started_at=span.started_at,
        duration=span.duration,
        first_token_after=span.first_token_after,
        usage=usage,
        micro_usd=model.price.of(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
        reason=reason,
    )
