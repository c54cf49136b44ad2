"""What follows where a provider breaks off after the answer has begun."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from services.router.core.catalogue import Model
from services.router.core.plan import Plan
from services.router.core.prompt import CHARACTERS_PER_TOKEN
from services.router.core.request import Recovery

CONTINUES = "continue"
"""Capability of a model that goes on from a partial answer."""


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
    if recovery is Recovery.CONTINUE and partial:
        longer = _resumed(plan, partial)
        if able := tuple(model for model in remaining if _can_continue(model, plan, longer)):
            return Leg(plan=replace(longer, models=able), partial=partial, after=after)
    return Leg(plan=replace(plan, models=remaining), after=after)


def _resumed(plan: Plan, partial: str) -> Plan:
    """Return ``plan`` with ``partial`` read as a part of the prompt and no longer to be written."""
    tokens = -(-len(partial) // CHARACTERS_PER_TOKEN)
    return replace(plan, input_tokens=plan.input_tokens + tokens, output_tokens=max(1, plan.output_tokens - tokens))


def _can_continue(model: Model, plan: Plan, longer: Plan) -> bool:
    """Tell whether ``model`` goes on from a partial answer, has room for it and costs no more than was planned."""
    return (
        CONTINUES in model.capabilities
        and model.fits(input_tokens=longer.input_tokens, output_tokens=longer.output_tokens)
        and _price(model, longer) <= _price(model, plan)
    )


def _price(model: Model, plan: Plan) -> int:
    return model.price.of(input_tokens=plan.input_tokens, output_tokens=plan.output_tokens)
