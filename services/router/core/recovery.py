"""What follows where a provider breaks off after the answer has begun."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from services.router.core.catalogue import Capability, Model
from services.router.core.plan import Plan
from services.router.core.prompt import CHARACTERS_PER_TOKEN
from services.router.core.request import Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One hedged call of a streamed answer; there is a further one for each recovery."""

    plan: Plan
    """Whom this leg may ask."""
    partial: str = ""
    """What the answer already says, where it goes on."""
    after: timedelta = timedelta()
    """Time from the start of the whole call to the start of this leg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """Word to the reader that what was streamed since the start or the last discard is void."""

    characters: int
    provider: str
    """Who broke off."""
    reason: str
    """ErrorReason name."""


def next_leg(recovery: Recovery, plan: Plan, asked: Collection[str], partial: str, after: timedelta) -> Leg | None:
    """Return how an answer goes on whose ``partial`` was sent before it broke; None where it ends.

    Nobody of ``asked`` is asked again. Each provider thus comes once at most, and what all tries may cost together was
    in the price before the first.
    """
    remaining = tuple(model for model in plan.models if model.provider not in asked)
    if recovery is Recovery.FAIL or not remaining:
        return None
    if recovery is Recovery.CONTINUE and partial and (longer := _resumed(plan, remaining, partial)):
        return Leg(plan=longer, partial=partial, after=after)
    return Leg(plan=replace(plan, models=remaining), after=after)


def _resumed(plan: Plan, models: Sequence[Model], partial: str) -> Plan | None:
    """Return ``plan`` for those of ``models`` that can go on from ``partial``, which they read; None where none can.

    Who could pay less than half of the rest is not one of them: an answer that begins anew is whole.
    """
    tokens = -(-len(partial) // CHARACTERS_PER_TOKEN)
    read, rest = plan.input_tokens + tokens, max(1, plan.output_tokens - tokens)
    payable = {
        model.name: _payable(model, plan, partial)
        for model in models
        if Capability.CONTINUE in model.capabilities and model.fits(input_tokens=read, output_tokens=rest)
    }
    able = tuple(model for model in models if 2 * payable.get(model.name, 0) >= rest)
    if not able:
        return None
    output_tokens = min(rest, *(payable[model.name] for model in able))
    return replace(plan, models=able, input_tokens=read, output_tokens=output_tokens)


def _payable(model: Model, plan: Plan, partial: str) -> int:
    """Return the tokens that ``model`` can write beside reading ``partial`` at no more than was set aside for it.

    How many tokens ``partial`` is, is an estimate; each of its bytes may be one.
    """
    to_read = len(partial.encode()) * model.price.input_micro_usd_per_million
    if not to_read:
        return plan.output_tokens
    per_token = model.price.output_micro_usd_per_million
    return plan.output_tokens + -to_read // per_token if per_token else 0
