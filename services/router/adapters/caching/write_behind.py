"""Writes that nobody waits for: what comes in while one batch is on its way makes the next one (spec row CCH-03).

A lost write costs a later look-up its hit and nothing else, so nothing is repeated and nothing is kept back for long.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from services.chassis.errors import MeshError
from services.chassis.metrics import counter
from services.router.adapters.caching.guard import RedisGuard

BATCH = 256
"""Writes in one round trip at most."""
MAX_WAITING = 2_048
"""Writes that may wait; beyond it the oldest is given up."""
_LOST = counter("magistrate_cache_lost_writes_total", "Writes to the shared cache that were given up.")

Write = Callable[[Pipeline], object]
"""Puts its commands on a pipeline."""


class WriteBehind:
    """Takes writes at once and sends them in batches while ``run`` runs."""

    def __init__(self, client: Redis, guard: RedisGuard) -> None:
        self._client = client
        self._guard = guard
        self._waiting: deque[Write] = deque()
        self._arrived = asyncio.Event()

    def add(self, write: Write) -> None:
        """Take one write."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            _LOST.inc()
        self._waiting.append(write)
        self._arrived.set()

    async def run(self) -> None:
        """Send what arrives, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await self.flush()

    async def flush(self) -> None:
        """Send all that waits."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                await self._guard.run(lambda batch=batch: self._send(batch))  # type: ignore[misc]  # a default binds it
            except MeshError:
                _LOST.inc(len(batch))

    async def _send(self, batch: list[Write]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for write in batch:
                write(pipeline)
            await pipeline.execute(raise_on_error=False)
