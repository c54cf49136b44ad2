"""How the models of a tenant stand for one domain and task: the champion and its challengers, as they were read."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The scores of one model (spec row RTR-08); 0 to 1 each, ``trend`` -1 to 1."""

    model: str
    ema: float
    count: int
    peak: float
    lowest: float
    trend: float
    mean: float = 0.0
    deviation: float = 0.0

    @classmethod
    def unscored(cls, model: str) -> "Standing":
        """Return the standing of a model without a score."""
        return cls(model=model, ema=0.0, count=0, peak=0.0, lowest=0.0, trend=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """One consistent reading; a plan and its reply name the ``version`` it was made with (spec row RTR-24)."""

    champion: Standing | None
    """None before the first score; one with a count of 0 was chosen by a person."""
    challengers: tuple[Standing, ...] = ()
    """Best first."""
    version: int = 0
    changed_at: datetime | None = None
    """When the champion last changed."""
