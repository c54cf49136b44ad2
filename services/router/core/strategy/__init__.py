"""In which order models are tried: one file a strategy, each a pure function of the candidates and the situation."""

from collections.abc import Mapping
from types import MappingProxyType

from services.router.core.strategy.adaptive import adaptive
from services.router.core.strategy.champions import domain
from services.router.core.strategy.choice import Choice, choose, forced
from services.router.core.strategy.orders import configured, cost, quality, speed
from services.router.core.strategy.ranking import Ranking, Situation, Strategy

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "configured": configured,
        "domain": domain,
        "cost": cost,
        "speed": speed,
        "quality": quality,
        "adaptive": adaptive,
    }
)
"""Every strategy that a request or the configuration may name (spec rows RTR-01 and RTR-13)."""

__all__ = ["STRATEGIES", "Choice", "Ranking", "Situation", "Strategy", "choose", "forced"]
