"""An answer as it is kept."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.router.core.vote import Vote

OVERHEAD_BYTES = 600
"""What an entry takes in memory beside its text, about."""
JITTER = 0.1
"""Share by which lives differ, so that what was cached together does not end together (spec row CCH-15)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answer, who gave it, and how long it is good."""

    proof: str
    """Of the key that it was kept under."""
    text: str
    """May be empty: an empty answer is an answer (trap T37)."""
    provider: str
    model: str
    model_version: str
    truncated: bool
    call_id: str
    """The call that made it."""
    made_at: datetime
    expires_at: datetime
    took: timedelta
    """What it took to make: the dearer, the earlier it is refreshed."""
    lasting: bool
    """Whether it outlives the window in which identical calls share one answer."""
    vote: Vote | None = None
    """How several models agreed on it."""

    @property
    def size(self) -> int:
        """Return the bytes that it takes in memory, about."""
        return OVERHEAD_BYTES + 2 * len(self.text)

    def alive(self, now: datetime) -> bool:
        """Tell whether it may still be given."""
        return now < self.expires_at

    def due(self, now: datetime, draw: float) -> bool:
        """Tell whether one caller should make it anew before it ends, so that not all do at its end.

        Each look-up decides for itself by a random ``draw`` (0 exclusive to 1): seldom long before the end, surely at
        it. With an exponential draw that scales with the time it took to make, this is optimal: A. Vattani,
        F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", PVLDB 8(8), 2015 (XFetch,
        beta 1).
        """
        return self.lasting and now - self.took * math.log(draw) >= self.expires_at


def jittered(life: timedelta, draw: float) -> timedelta:
    """Return ``life`` longer or shorter by up to a tenth, as ``draw`` (0 to 1) says."""
    return life * (1 + JITTER * (2 * draw - 1))
