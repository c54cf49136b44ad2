"""The models that exist, and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from services.chassis.errors import not_found
from services.router.core.request import Domain

_MILLION = 1_000_000


class Capability(StrEnum):
    """What a model can do beyond answering in one piece."""

    STREAM = "stream"
    """Give the answer token by token."""
    JSON_SCHEMA = "json_schema"
    """Keep to a JSON schema."""
    CONTINUE = "continue"
    """Go on from a partial answer."""
    TOOLS = "tools"
    """Call tools."""


class Tier(StrEnum):
    """How good a model is, best first (spec 3)."""

    PREMIUM = "premium"
    STANDARD = "standard"
    FAST = "fast"
    OFFLINE = "offline"


TIERS = tuple(Tier)
"""Best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Millionths of a US dollar for a million tokens: whole numbers, so that sums are exact."""

    input_micro_usd_per_million: int
    output_micro_usd_per_million: int

    def of(self, *, input_tokens: int, output_tokens: int) -> int:
        """Return what the tokens cost in micro-dollars, rounded up to a whole one (spec row PRV-06)."""
        millionths = input_tokens * self.input_micro_usd_per_million + output_tokens * self.output_micro_usd_per_million
        return -(-millionths // _MILLION)


UNKNOWN_PRICE = Price(input_micro_usd_per_million=10_000_000, output_micro_usd_per_million=30_000_000)
"""Of a model that nobody priced: 1 and 3 cents a thousand tokens (spec 4)."""
UNKNOWN_CONTEXT_TOKENS = 8_192
UNKNOWN_QUALITY = 0.5
UNKNOWN_FIRST_TOKEN_S = 1.0
ONE_MODEL_PROVIDERS = frozenset({"local"})
"""Providers whose server has one model loaded, and answers with it whatever name it is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of one provider."""

    name: str
    """Unique in the catalogue, and what the provider's vendor calls it."""
    provider: str
    tier: Tier
    context_tokens: int
    """Tokens that it can read and write together."""
    price: Price
    capabilities: tuple[Capability, ...] = ()
    quality: float = UNKNOWN_QUALITY
    """What is expected of it, 0 to 1, before any score."""
    first_token_s: float = UNKNOWN_FIRST_TOKEN_S
    """What is expected of it before any measurement."""

    def fits(self, *, input_tokens: int, output_tokens: int) -> bool:
        """Tell whether a prompt and the longest answer to it fit together."""
        return input_tokens + output_tokens <= self.context_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All models, the preferred one of a provider before its others."""

    models: tuple[Model, ...]
    preferences: Mapping[Domain, tuple[str, ...]] = field(default_factory=dict)
    """Names of models by field of work, best first, for as long as no score is known there."""

    def named(self, name: str) -> Model:
        """Return the model called ``name``. Raises CallerError MODEL_NOT_FOUND."""
        for model in self.models:
            if model.name == name:
                return model
        raise not_found("MODEL_NOT_FOUND", "model", name)

    def offered(self, providers: Sequence[str]) -> tuple[Model, ...]:
        """Return every model that can be asked of ``providers``, in their order, the preferred one of each first."""
        return tuple(model for provider in providers for model in self._served_by(provider))

    def _served_by(self, provider: str) -> tuple[Model, ...]:
        models = tuple(model for model in self.models if model.provider == provider)
        return models[:1] if provider in ONE_MODEL_PROVIDERS else models

    def preferring(self, names: Mapping[str, str]) -> "Catalogue":
        """Return the models with those of ``names`` (provider to model) first; one that is missing is added.

        A model that the catalogue does not know is booked at the price of an unknown one, never at nothing. The other
        models of a provider that serves only one are left out: evidence must not name a model that did not answer.
        """
        first = tuple(self._of(provider, name) for provider, name in names.items())
        exclusive = ONE_MODEL_PROVIDERS & names.keys()
        others = (model for model in self.models if model not in first and model.provider not in exclusive)
        return replace(self, models=(*first, *others))

    def _of(self, provider: str, name: str) -> Model:
        known = (model for model in self.models if (model.provider, model.name) == (provider, name))
        unknown = Model(
            name=name,
            provider=provider,
            tier=Tier.STANDARD,
            context_tokens=UNKNOWN_CONTEXT_TOKENS,
            price=UNKNOWN_PRICE,
            # Every adapter streams; what else an unknown model can do is not promised.
            capabilities=(Capability.STREAM,),
        )
        return next(known, unknown)
