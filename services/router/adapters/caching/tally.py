"""Look-ups of this process, for its metrics and for whoever asks (spec row CCH-10)."""

from collections import Counter

from services.chassis.metrics import counter
from services.router.caching.ports import Lookup
from services.router.core.caching.use import Level

_LOOKUPS = counter(
    "magistrate_cache_lookups_total", "Look-ups for answers, by level and by how they ended.", ("level", "outcome")
)


class CountingTally:
    """Implements the Tally port."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[Level, Lookup]] = Counter()

    def count(self, level: Level, outcome: Lookup) -> None:
        """Count one look-up."""
        self._seen[level, outcome] += 1
        _LOOKUPS.labels(level.value, outcome).inc()

    def seen(self, level: Level, outcome: Lookup) -> int:
        """Return how many look-ups at ``level`` ended so since the process began."""
        return self._seen[level, outcome]
