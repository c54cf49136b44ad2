"""Which of the ranked models a request can pay for: all that may be asked of it together, within its limit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from services.router.core.bound import Bound
from services.router.core.catalogue import Model
from services.router.core.eligibility import LeftOut
from services.router.core.strategy.ranking import Situation


@dataclass(slots=True, kw_only=True)
class Purse:
    """What one request may spend, less what is set aside for models already; the first model is always paid."""

    left_micro_usd: int
    price: Callable[[Model], int]
    """Return the most that a model can cost."""
    left_out: list[LeftOut] = field(default_factory=list)
    """Models that it could not pay beside the others."""

    @classmethod
    def of(cls, situation: Situation, bound: Bound, *, limit_micro_usd: int) -> Self:
        """Return the purse of a request: its own limit, or what the day's budget leaves where that is less."""
        remaining = situation.outlook.remaining_micro_usd
        left = limit_micro_usd if remaining is None else min(limit_micro_usd, remaining)
        return cls(left_micro_usd=left, price=bound.price)

    def one_a_provider(self, models: Sequence[Model]) -> tuple[Model, ...]:
        """Return the best model of each provider that can be paid beside those before it."""
        return tuple(self._best_of_each(models))

    def panel(self, models: Sequence[Model], seats: int) -> tuple[Model, ...]:
        """Return voters: the best of each provider before further models, as many as there are seats and means for."""
        best = {model.provider: model for model in reversed(models)}
        ordered = [model for model in models if best[model.provider] == model]
        voters: list[Model] = []
        for model in dict.fromkeys((*ordered, *models)):
            if len(voters) < seats and self._pays(model, first=not voters):
                voters.append(model)
        return tuple(voters)

    def _best_of_each(self, models: Sequence[Model]) -> Iterator[Model]:
        providers: set[str] = set()
        for model in models:
            if model.provider not in providers and self._pays(model, first=not providers):
                providers.add(model.provider)
                yield model

    def _pays(self, model: Model, *, first: bool) -> bool:
        price = self.price(model)
        if price > self.left_micro_usd and not first:
            left = self.left_micro_usd
            why = f"{model.name} could cost {price} micro-dollars and {left} remain of the request's limit"
            self.left_out.append(LeftOut(model=model, why=why))
            return False
        self.left_micro_usd = max(0, self.left_micro_usd - price)
        return True
