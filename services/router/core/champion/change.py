"""A change of champion: who, why, and the figures that justified it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.router.core.champion.confidence import Confidence
from services.router.core.champion.track import Track

RULES = "rules"
"""Who acted where no person did."""


class Kind(StrEnum):
    """How a model came to be the champion."""

    FIRST = "first"
    """It had the first score; nobody was champion."""
    PROMOTION = "promotion"
    """It was better than the champion, or a person preferred it."""
    DEMOTION = "demotion"
    """The champion fell, or was taken down by a person, and this one followed."""
    ROLLBACK = "rollback"
    """A person took the last promotion or demotion back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One model at the moment of a change."""

    model: str
    ema: float
    count: int
    lower: float
    """What its mean exceeds."""
    upper: float
    """What its mean stays below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change."""

    kind: Kind
    champion: str
    """Who is the champion now."""
    previous: str = ""
    """Who was before; empty where nobody was."""
    actor: str = RULES
    reason: str = ""
    figures: tuple[Figures, ...] = ()
    """The new champion's, then those of the one before; without a model that had no score."""
    risk: float = 0.0
    """Probability of a mistake that the rules' test allows; 0 where it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A change as it is written down."""

    change: Change
    change_id: str
    version: int
    """Version of the contest after it."""
    at: datetime


def figures(track: Track, risk: float, confidence: Confidence | None = None) -> Figures:
    """Return the figures of ``track``, its bounds those of ``confidence`` where that is another than its own."""
    proof = confidence or track.confidence
    return Figures(
        model=track.model, ema=track.ema, count=track.count, lower=proof.lower(risk), upper=proof.upper(risk)
    )
