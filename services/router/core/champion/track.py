"""The scores of one model: the moving average that ranks it, the window that describes it, what they prove."""

from dataclasses import dataclass, replace
from math import fsum, sqrt

from services.router.core.champion.confidence import Confidence
from services.router.core.standing import Standing

ALPHA = 0.2
"""Weight of the newest score in the average (spec rows RTR-08, C19)."""
WINDOW = 50
"""Scores that mean, deviation, peak, lowest and trend are taken of."""
STRETCH = 10
"""Scores on either side of the trend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One model in one arena, after at least one score."""

    model: str
    ema: float
    """Exponential moving average of all scores; the first one starts it."""
    count: int
    window: tuple[float, ...]
    """The last scores, oldest first."""
    confidence: Confidence = Confidence.NOTHING
    """What was scored since a person last chose the champion."""

    @classmethod
    def begun(cls, model: str, score: float) -> "Track":
        """Return the track of a model with its first score."""
        return cls(model=model, ema=score, count=1, window=(score,), confidence=Confidence.NOTHING.after(score))

    def after(self, score: float) -> "Track":
        """Return the track with one more score."""
        return replace(
            self,
            ema=self.ema + ALPHA * (score - self.ema),
            count=self.count + 1,
            window=(*self.window, score)[-WINDOW:],
            confidence=self.confidence.after(score),
        )

    @property
    def standing(self) -> Standing:
        """Return what others need to know of it."""
        mean = _mean(self.window)
        return Standing(
            model=self.model,
            ema=self.ema,
            count=self.count,
            peak=max(self.window),
            lowest=min(self.window),
            trend=_trend(self.window),
            mean=mean,
            deviation=sqrt(fsum((score - mean) ** 2 for score in self.window) / len(self.window)),
        )


def _mean(scores: tuple[float, ...]) -> float:
    return fsum(scores) / len(scores)


def _trend(window: tuple[float, ...]) -> float:
    """Return the mean of the last stretch minus that of the one before; 0 until there are two whole ones."""
    if len(window) < 2 * STRETCH:
        return 0.0
    return _mean(window[-STRETCH:]) - _mean(window[-2 * STRETCH : -STRETCH])
