"""What a call may cost at most, set aside before anybody is asked."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.router.core.bound import Bound
from services.router.core.catalogue import Model
from services.router.core.eligibility import LeftOut, too_dear
from services.router.core.plan import Plan
from services.router.core.spend.limits import Ceilings


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The most that the try at one provider can cost."""

    place: int
    """Of the provider in the order, from 1."""
    model: Model
    input_tokens: int
    output_tokens: int

    @property
    def provider(self) -> str:
        """Return who is asked."""
        return self.model.provider

    @property
    def micro_usd(self) -> int:
        """Return its whole price."""
        return self.model.price.of(input_tokens=self.input_tokens, output_tokens=self.output_tokens)

    @property
    def tokens(self) -> int:
        """Return what it can read and write."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays for a call, and on which day."""

    tenant: str
    subject: str
    decision_id: str
    day: date
    """UTC day of the reservation; what is settled after midnight counts for it all the same."""
    intent_key: str = ""
    """The evidence under which the call is made, which every try names; empty where tries are no evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A call that asks to be let through."""

    call_id: str
    payer: Payer
    claims: tuple[Claim, ...]
    ceilings: Ceilings
    started_at: datetime
    hold: timedelta
    """How long the call may take before its hold is somebody else's to settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What was set aside."""

    providers: tuple[str, ...]
    """Those whose claims fit, in the order of the tries; at least one."""
    room_micro_usd: int | None
    """What the tightest limit of tenant and user leaves after it; None without limit."""
    tenant_room_micro_usd: int | None
    tenant_held_micro_usd: int
    """What all calls in flight of the tenant have set aside."""


def claims_of(plan: Plan, limit_micro_usd: int) -> tuple[Claim, ...]:
    """Return the claims of ``plan`` that fit into what one request may cost, all its tries paid (spec row PRV-08).

    Raises:
        CallerError: COST_LIMIT where not even one model fits.
    """
    bound = Bound.of(plan.prompt, json_schema=plan.json_schema, output_tokens=plan.output_tokens)
    claims: list[Claim] = []
    room = limit_micro_usd
    for place, model in enumerate(plan.models, start=1):
        claim = Claim(place=place, model=model, input_tokens=bound.input_tokens, output_tokens=bound.output_tokens)
        if claim.micro_usd <= room:
            claims.append(claim)
            room -= claim.micro_usd
    if not claims:
        raise too_dear(min(map(bound.price, plan.models)), limit_micro_usd)
    return tuple(claims)


def trimmed(plan: Plan, providers: Collection[str]) -> Plan:
    """Return ``plan`` with nobody but ``providers``, and say in it who was dropped for the sake of the budget."""
    kept = tuple(model for model in plan.models if model.provider in providers)
    if len(kept) == len(plan.models):
        return plan
    dropped = [model for model in plan.models if model not in kept]
    names = ", ".join(f"{model.name} of {model.provider}" for model in dropped)
    why = "is left out: what remains of the budget would not cover it"
    shorter = replace(
        plan,
        models=kept,
        left_out=(*plan.left_out, *(LeftOut(model=model, why=f"{model.name} {why}") for model in dropped)),
        explanation=f"{plan.explanation.removesuffix('.')}; {names} {why}.",
    )
    # Who comes first now was not drawn.
    return shorter if kept[0] == plan.models[0] else replace(shorter, propensity=1.0, explored=False)
