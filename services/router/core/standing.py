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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """One consistent reading; a plan and its reply name the ``version`` it was made with (spec row RTR-24)."""

    champion: Standing | None
    """None before the first score."""
    challengers: tuple[Standing, ...] = ()
    """Best first."""
    version: int = 0
    changed_at: datetime | None = None
    """When the champion last changed."""
