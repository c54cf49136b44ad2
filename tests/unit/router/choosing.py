"""A fixed catalogue and plans over it, for the tests of choosing."""

from collections.abc import Mapping
from typing import Unpack

from services.router.core.catalogue import Capability, Catalogue, Model, Price, Tier
from services.router.core.outlook import Outlook
from services.router.core.plan import Plan, Policy, plan
from services.router.core.request import Domain, Limits
from services.router.core.standing import Standing, Standings
from tests.unit.router.requests import PROMPTS, Changes, asking

STREAM, JSON = Capability.STREAM, Capability.JSON_SCHEMA


def model(name: str, tier: Tier, price: int, quality: float, first_token_s: float, *can: Capability) -> Model:
    """Return a model ``provider-name`` that reads and writes a million tokens for ``price`` micro-dollars each."""
    return Model(
        name=name,
        provider=name.partition("-")[0],
        tier=tier,
        context_tokens=2_048 if name.startswith("local") else 100_000,
        price=Price(input_micro_usd_per_million=price, output_micro_usd_per_million=price),
        capabilities=(STREAM, *can),
        quality=quality,
        first_token_s=first_token_s,
    )


MODELS = (
    model("local-tiny", Tier.OFFLINE, 0, 0.2, 0.9, JSON),
    model("openai-mini", Tier.FAST, 500_000, 0.7, 0.4, JSON),
    model("openai-turbo", Tier.PREMIUM, 20_000_000, 0.9, 1.0),
    model("anthropic-haiku", Tier.FAST, 400_000, 0.6, 0.5),
    model("anthropic-sonnet", Tier.STANDARD, 6_000_000, 0.8, 0.8),
    model("anthropic-opus", Tier.PREMIUM, 40_000_000, 0.95, 2.0),
)
CATALOGUE = Catalogue(models=MODELS, preferences={Domain.MARKET: ("openai-turbo", "anthropic-sonnet")})
POLICY = Policy(providers=("local", "openai", "anthropic"), hedge_delay_s=10.0, limits=Limits(micro_usd=10_000_000))


def decided(outlook: Outlook | None = None, policy: Policy = POLICY, **changes: Unpack[Changes]) -> Plan:
    """Return the plan for a good request with fields changed, over the fixed catalogue."""
    return plan(asking(**changes), policy, CATALOGUE, PROMPTS, outlook or Outlook())


def names(made: Plan) -> list[str]:
    """Return the models in the order of the tries."""
    return [model.name for model in made.models]


def standings(champion: str | None, scores: Mapping[str, float]) -> Standings:
    """Return standings of version 7 with scores by model, best challenger first."""
    rows = [
        Standing(model=name, ema=ema, count=20, peak=1.0, lowest=0.0, trend=0.0)
        for name, ema in sorted(scores.items(), key=lambda item: -item[1])
    ]
    return Standings(
        champion=next((row for row in rows if row.model == champion), None),
        challengers=tuple(row for row in rows if row.model != champion),
        version=7,
    )
