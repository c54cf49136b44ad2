"""How much of a pool of connections is lent out, as metrics and as a warning before it runs dry (spec row REC-12)."""

import time
from collections.abc import Callable

from asyncpg import Pool

from services.chassis.log import get_logger
from services.chassis.metrics import gauge

CROWDED = 0.8
"""Above this share a warning is due: the next callers will wait for each other."""
QUIET_S = 60.0
"""Seconds between two warnings about one pool."""

_log = get_logger("pool", fields=("busy", "limit"))
_connections = gauge(
    "magistrate_pool_connections", "Connections of a pool, lent out (busy) or not (idle).", ("pool", "state")
)
_limit = gauge("magistrate_pool_limit", "Connections that a pool has at most.", ("pool",))
_used = gauge("magistrate_pool_used_ratio", "Share of a pool's limit that is lent out, 0 to 1.", ("pool",))


class PoolMeter:
    """Watches one pool; metrics are read when they are asked for."""

    def __init__(self, name: str, pool: Pool, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._name, self._pool, self._monotonic = name, pool, monotonic
        self._quiet_until = float("-inf")
        _connections.labels(name, "busy").set_function(self.busy)
        _connections.labels(name, "idle").set_function(pool.get_idle_size)
        _limit.labels(name).set_function(pool.get_max_size)
        _used.labels(name).set_function(self.used)

    def busy(self) -> int:
        """Return how many connections are lent out."""
        return self._pool.get_size() - self._pool.get_idle_size()

    def used(self) -> float:
        """Return the share of the limit that is lent out."""
        return self.busy() / self._pool.get_max_size()

    def lent(self) -> None:
        """Note that a connection is being lent; warn where few are left. A pool of one is always lent out whole."""
        limit, busy = self._pool.get_max_size(), self.busy() + 1  # the one that is being lent counts as idle still
        if limit == 1 or busy <= CROWDED * limit or self._monotonic() < self._quiet_until:
            return
        self._quiet_until = self._monotonic() + QUIET_S
        _log.warning("pool_nearly_used_up", component=self._name, busy=busy, limit=limit)
