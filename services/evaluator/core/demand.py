"""Rules that ask for a verdict. The strictest one asked for is the verdict, and whoever asked for it is its ground."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.evaluator.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One rule that fired, and the best verdict that it still permits."""

    rule: str
    """Such as ``severe:rights`` or ``average_severity``."""
    verdict: Verdict


def strictest(demands: Sequence[Demand]) -> Verdict:
    """Return what all demands together come to; without any, nothing stands against it."""
    return max((demand.verdict for demand in demands), default=Verdict.ALLOW)


def grounds(demands: Sequence[Demand], verdict: Verdict) -> tuple[str, ...]:
    """Return the rules that asked for just this verdict, each once."""
    return tuple(dict.fromkeys(demand.rule for demand in demands if demand.verdict is verdict))
