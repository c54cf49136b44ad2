"""A spool in shards, each with its own files and its own sender (spec rows ENG-21 and REC-11).

What the log of one tenant cannot take at the moment holds up the tenants of its shard, and nobody else.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from services.chassis.spool.frames import Item
from services.chassis.spool.spool import SEGMENT_BYTES, Deliver, Spool, spool_full

DIGITS = 8
_PREFIX = "shard-"


def shard_of(name: str, count: int) -> int:
    """Return the shard of ``name``: the first 8 hex digits of its SHA-256, modulo ``count``."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:DIGITS], 16) % count


class ShardedSpool:
    """As `Spool`, of which it is several; the items of one tenant are always in the same, and so keep their order.

    The first shard is the folder itself, as a spool without shards has it; what a former number of shards has left in
    further folders is delivered as well.
    """

    def __init__(
        self, folder: Path, deliver: Deliver, *, shards: int, max_bytes: int, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._count, self._max_bytes = shards, max_bytes
        former = [path.name for path in folder.glob(f"{_PREFIX}*")] if folder.exists() else []
        wanted = [f"{_PREFIX}{number}" for number in range(1, shards)]
        names = ["", *wanted, *sorted(set(former) - set(wanted))]
        self._spools = [
            Spool(folder / name, deliver, max_bytes=max_bytes, segment_bytes=segment_bytes, name=name or f"{_PREFIX}0")
            for name in names
        ]
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            for spool in self._spools:
                await opening.enter_async_context(spool)
            self._resources = opening.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._resources.aclose()

    @property
    def total_bytes(self) -> int:
        """Return how much waits in all shards."""
        return sum(spool.total_bytes for spool in self._spools)

    async def put(self, item: Item) -> None:
        """Return when ``item`` is on the disk.

        Raises:
            WorldError: QUEUE_FULL, all shards together have their most bytes, or the disk no room.
        """
        if self.total_bytes + len(item.body) > self._max_bytes:
            raise spool_full()
        await self._spools[shard_of(item.tenant, self._count)].put(item)

    async def run(self) -> None:
        """Deliver what waits and what comes, for ever, each shard at its own pace."""
        async with asyncio.TaskGroup() as group:
            for spool in self._spools:
                group.create_task(spool.run())

    async def drain(self) -> bool:
        """Deliver everything that is there; False where the other service did not take all of it."""
        return all(await asyncio.gather(*(spool.drain() for spool in self._spools)))

    async def rewrite(self, change: Callable[[Item], Item]) -> int:
        """Replace what waits, and what was put aside, by what ``change`` makes of it; return how many items changed."""
        return sum([await spool.rewrite(change) for spool in self._spools])
