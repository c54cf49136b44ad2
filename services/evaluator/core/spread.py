"""The few statistics every formula of the evaluator is made of."""

from collections.abc import Sequence
from math import fsum


def clamp(value: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """Return ``value`` moved into ``low``-``high``."""
    return min(high, max(low, value))


def mean(values: Sequence[float]) -> float:
    """Return the mean, 0.0 of nothing; correctly rounded, so the order of the values never shows."""
    return fsum(values) / len(values) if values else 0.0


def population_variance(values: Sequence[float]) -> float:
    """Return the population variance, 0.0 for fewer than two values."""
    center = mean(values)
    return mean([(value - center) ** 2 for value in values])
