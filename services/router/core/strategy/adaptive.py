"""As good a model as the question needs, and no better (spec rows RTR-13, RTR-14 and RTR-15)."""

from collections.abc import Mapping, Sequence

from services.router.core.catalogue import Model, Tier
from services.router.core.strategy import complexity
from services.router.core.strategy.complexity import Complexity
from services.router.core.strategy.orders import dollars, score
from services.router.core.strategy.ranking import Ranking, Situation, figures

MIDDLE_FROM = 3
STRONG_FROM = 7
"""Tenths of complexity from which a middle or a strong model is asked."""
_LIGHT, _MIDDLE, _STRONG = range(3)
_WORDS = ("light", "middle", "strong")
_STRENGTH: Mapping[Tier, int] = {
    Tier.OFFLINE: _LIGHT,
    Tier.FAST: _LIGHT,
    Tier.STANDARD: _MIDDLE,
    Tier.PREMIUM: _STRONG,
}


def adaptive(candidates: Sequence[Model], situation: Situation) -> Ranking:
    """Put models of the needed strength first, then stronger ones, then weaker ones, the nearest first.

    Among equally strong ones the cheapest comes first, or the best where the question needs a strong one.
    """
    found = complexity.of(
        situation.request.query,
        success_rate=situation.outlook.success_rate,
        tool_count=situation.request.tool_count,
    )
    needed = needed_strength(found)

    def place(model: Model) -> tuple[float, ...]:
        beyond = _STRENGTH[model.tier] - needed
        best, cheapest = -situation.quality(model), situation.price(model)
        return (beyond < 0, abs(beyond), *((best, cheapest) if needed == _STRONG else (cheapest, best)))

    models = sorted(candidates, key=place)
    return Ranking(
        models=tuple(models),
        figures=figures(models, lambda model: _figure(model, situation)),
        note=_note(found, needed),
        complexity=found.score,
    )


def needed_strength(found: Complexity) -> int:
    """Return 0 for a light, 1 for a middle and 2 for a strong model."""
    return (found.tenths >= MIDDLE_FROM) + (found.tenths >= STRONG_FROM)


def _figure(model: Model, situation: Situation) -> str:
    return f"{model.tier}, {dollars(situation.price(model))}, {score(model, situation)}"


def _note(found: Complexity, needed: int) -> str:
    because = f" ({', '.join(found.why)})" if found.why else ""
    return f"complexity {found.score:.1f}{because} asks for a {_WORDS[needed]} model"
