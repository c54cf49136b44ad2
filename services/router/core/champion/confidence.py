"""What the scores of one model prove about its mean, at every moment at once.

The predictable plug-in empirical Bernstein confidence sequence of Waudby-Smith and Ramdas, "Estimating means of bounded
random variables by betting" (JRSS B 86, 2024; arXiv 2010.09686), theorem 2. For scores X_1, X_2, ... in [0, 1] of which
each has the mean m given all before it, and with sums over i = 1..t,

    m > sum(l_i X_i) / sum(l_i) - (ln(1 / risk) + sum(v_i psi(l_i))) / sum(l_i)

fails at any t whatever with a probability of at most ``risk``; so does the same bound from above, with +. Here

    v_i = 4 (X_i - mu_{i-1})^2                       psi(l) = (-ln(1 - l) - l) / 4
    mu_t = (1/2 + sum(X_i)) / (t + 1)                var_t = (1/4 + sum((X_i - mu_i)^2)) / (t + 1)
    l_t = min(3/4, sqrt(2 ln(1 / DESIGN) / (var_{t-1} t ln(1 + t))))

It may therefore be looked at after every score and acted on at the first moment it says something, which a test for a
fixed number of scores may not. The paper intersects the bounds of all moments; this does not, so that a model that
changes for the worse is not held to what it was. Six sums are all that has to be kept.
"""

from dataclasses import dataclass
from math import log, sqrt
from typing import ClassVar

DESIGN = 0.01
"""Risk for which the weights are best; the bounds hold for any."""
_LARGEST_WEIGHT = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """The sums over the scores so far."""

    NOTHING: ClassVar["Confidence"]
    """Before the first score."""

    count: int = 0
    total: float = 0.0
    """Of X."""
    spread: float = 0.0
    """Of (X - mu)^2."""
    weight: float = 0.0
    """Of l."""
    weighted: float = 0.0
    """Of l X."""
    price: float = 0.0
    """Of v psi(l)."""

    def after(self, score: float) -> "Confidence":
        """Return the sums with one more score."""
        count = self.count + 1
        before = (0.5 + self.total) / count
        variance = (0.25 + self.spread) / count
        weight = min(_LARGEST_WEIGHT, sqrt(2 * log(1 / DESIGN) / (variance * count * log(1 + count))))
        total = self.total + score
        return Confidence(
            count=count,
            total=total,
            spread=self.spread + (score - (0.5 + total) / (count + 1)) ** 2,
            weight=self.weight + weight,
            weighted=self.weighted + weight * score,
            # 4 of v and the quarter of psi cancel out.
            price=self.price + (score - before) ** 2 * (-log(1 - weight) - weight),
        )

    def lower(self, risk: float) -> float:
        """Return what the mean exceeds; wrong at any moment with a probability of at most ``risk``."""
        return max(0.0, self._centre - self._margin(risk)) if self.count else 0.0

    def upper(self, risk: float) -> float:
        """Return what the mean stays below; wrong at any moment with a probability of at most ``risk``."""
        return min(1.0, self._centre + self._margin(risk)) if self.count else 1.0

    @property
    def _centre(self) -> float:
        return self.weighted / self.weight

    def _margin(self, risk: float) -> float:
        return (log(1 / risk) + self.price) / self.weight


Confidence.NOTHING = Confidence()
