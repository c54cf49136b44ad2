"""A strategy's ranking within the means that a day's budget leaves (spec row RTR-16)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.router.core.catalogue import Model
from services.router.core.strategy.orders import dollars
from services.router.core.strategy.ranking import Ranking, Situation, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A ranking, and why some stand behind cheaper ones for the budget's sake."""

    ranking: Ranking
    why: str = ""
    """Who stands back, and why; empty where nobody does."""


def choose(strategy: Strategy, candidates: Sequence[Model], situation: Situation, *, stretch: int) -> Choice:
    """Return the ranking of ``strategy``, models last of which the budget could not pay ``stretch`` requests.

    Each half keeps the strategy's order. Where nobody is cheap enough, or no budget was read, nobody steps back.
    """
    remaining = situation.outlook.remaining_micro_usd
    dear = [] if remaining is None else [model for model in candidates if situation.price(model) * stretch > remaining]
    cheap = [model for model in candidates if model not in dear]
    if not dear or not cheap:
        return Choice(ranking=strategy(candidates, situation))
    first = strategy(cheap, situation)
    # A challenger is drawn once, and only among those who may come first.
    last = strategy(dear, replace(situation, outlook=replace(situation.outlook, draw=1.0)))
    names = ", ".join(model.name for model in dear)
    return Choice(
        ranking=replace(first, models=(*first.models, *last.models), figures={**last.figures, **first.figures}),
        why=f"{names} stand back: the budget leaves {dollars(remaining or 0)}, less than {stretch} such requests",
    )


def forced(model: Model) -> Ranking:
    """Return the one model that the caller named, without fallback: another would betray the choice."""
    return Ranking(models=(model,), note=f"the caller named {model.name} of {model.provider}")
