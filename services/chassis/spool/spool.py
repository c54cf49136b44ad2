"""Put items on the disk together, and deliver them in their order until each is acknowledged."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Self

from services.chassis.errors import CALLER_KINDS, Kind, MeshError, WorldError
from services.chassis.log import get_logger
from services.chassis.metrics import counter, gauge
from services.chassis.spool import frames
from services.chassis.spool.frames import Item
from services.chassis.spool.segments import Segments

SEGMENT_BYTES = 4 << 20
TOGETHER, TOGETHER_BYTES = 50, 2 << 20
"""Items that are handed over at once, and their bytes: a message may have 4 MiB."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

Deliver = Callable[[Sequence[Item]], Awaitable[Sequence[MeshError | None]]]
"""Hand items of one tenant over; say of each whether it is acknowledged (None) or why not."""

_FINAL = CALLER_KINDS - {Kind.UNAUTHENTICATED, Kind.DENIED, Kind.CANCELLED}
"""Refusals that are the item's own fault; who may deliver is for the mesh to mend, and the items wait for that."""

_log = get_logger("spool", fields=("segment",))
_bytes = gauge("magistrate_spool_bytes", "Bytes that wait on this machine's disk for another service", ("shard",))
_waiting = gauge("magistrate_spool_waiting_seconds", "How long something has waited there without a break", ("shard",))
_refused = counter("magistrate_spool_refused_total", "Items that the other service will never take; they are put aside")


class Spool:
    """Durable when `put` returns; delivered at least once, so items must carry what makes a repetition harmless."""

    def __init__(
        self,
        folder: Path,
        deliver: Deliver,
        *,
        max_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        name: str = "shard-0",
    ) -> None:
        self._folder, self._deliver = folder, deliver
        self._max_bytes, self._segment_bytes = max_bytes, segment_bytes
        self._segments: Segments | None = None
        self._waiting = list[tuple[bytes, asyncio.Future[None]]]()
        self._waiting_bytes = self._total = 0
        self._waits_since: float | None = None
        self._writing = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._arrived = asyncio.Event()
        _bytes.labels(name).set_function(lambda: self._total)
        _waiting.labels(name).set_function(self._waits_s)

    async def __aenter__(self) -> Self:
        self._segments = await asyncio.to_thread(Segments, self._folder)
        self._holds(await asyncio.to_thread(self._segments.total_bytes))
        self._arrived.set()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        async with self._writing:
            await asyncio.to_thread(self._opened.close)
            self._segments = None

    @property
    def total_bytes(self) -> int:
        """Return how much waits."""
        return self._total

    async def put(self, item: Item) -> None:
        """Return when ``item`` is on the disk; items that come at the same time share one write.

        Raises:
            WorldError: QUEUE_FULL, the spool has its most bytes, or the disk no room.
        """
        frame = frames.write(item)
        if self._total + self._waiting_bytes + len(frame) > self._max_bytes:
            raise spool_full()
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((frame, written))
        self._waiting_bytes += len(frame)
        async with self._writing:
            if self._waiting:
                await self._write()
        await written

    async def run(self) -> None:
        """Deliver what waits and what comes, for ever; a service that is away is asked ever more seldom."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if await self.drain():
                pause_s = FIRST_PAUSE_S
            else:
                self._arrived.set()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def drain(self) -> bool:
        """Deliver everything that is there; False where the other service did not take all of it."""
        await self._rotate()
        for segment in self._opened.closed():
            async with self._sending:
                items = await asyncio.to_thread(self._opened.read, segment)
                if not await self._deliver_all(items):
                    return False
                await asyncio.to_thread(self._opened.remove, segment)
                self._holds(await asyncio.to_thread(self._opened.total_bytes))
        return True

    async def rewrite(self, change: Callable[[Item], Item]) -> int:
        """Replace what waits, and what was put aside, by what ``change`` makes of it; return how many items changed.

        What was on the disk before is on no disk after. An item that is being delivered at this moment is not changed.
        """
        await self._rotate()
        async with self._sending:
            changed = await asyncio.to_thread(self._opened.rewrite, change)
            self._holds(await asyncio.to_thread(self._opened.total_bytes))
        return changed

    async def _rotate(self) -> None:
        async with self._writing:
            if self._opened.growing_bytes:
                await asyncio.to_thread(self._opened.rotate)

    def _holds(self, total: int) -> None:
        """Note how much is here, and since when something is."""
        self._total = total
        if not total:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = time.monotonic()

    def _waits_s(self) -> float:
        return 0.0 if self._waits_since is None else time.monotonic() - self._waits_since

    @property
    def _opened(self) -> Segments:
        if self._segments is None:
            raise RuntimeError("the spool is used before it is opened")
        return self._segments

    async def _write(self) -> None:
        """Write all that waits. A cancelled caller must not take the others' answers along, so the work is shielded."""
        group, self._waiting = self._waiting, []
        await asyncio.shield(asyncio.ensure_future(self._append(group)))

    async def _append(self, group: Sequence[tuple[bytes, asyncio.Future[None]]]) -> None:
        data = b"".join(frame for frame, _ in group)
        try:
            await asyncio.to_thread(self._append_or_rotate, data)
        except OSError as error:
            _log.error("spool_not_written", error=type(error).__name__)
            outcome: Exception | None = spool_full()
        else:
            outcome = None
            self._holds(self._total + len(data))
            self._arrived.set()
        self._waiting_bytes -= len(data)
        for _, written in group:
            if not written.done():
                written.set_exception(outcome) if outcome else written.set_result(None)

    def _append_or_rotate(self, data: bytes) -> None:
        self._opened.append(data)
        if self._opened.growing_bytes >= self._segment_bytes:
            self._opened.rotate()

    async def _deliver_all(self, items: Sequence[Item]) -> bool:
        """Deliver the items of one segment; those that were taken are sent again if another was not."""
        for group in _groups(items):
            try:
                outcomes = await self._deliver(group)
            except MeshError as error:
                outcomes = [error] * len(group)
            if any(outcome and outcome.kind not in _FINAL for outcome in outcomes):
                return False
            bad = [item for item, outcome in zip(group, outcomes, strict=True) if outcome]
            if bad:
                _log.error("spool_items_refused", count=len(bad))
                _refused.inc(len(bad))
                await asyncio.to_thread(self._opened.refuse, bad)
        return True


def _groups(items: Sequence[Item]) -> Sequence[Sequence[Item]]:
    """Split items where the tenant changes and where enough are together."""
    groups, size_bytes = list[list[Item]](), 0
    for item in items:
        size_bytes += len(item.body)
        full = not groups or len(groups[-1]) >= TOGETHER or size_bytes > TOGETHER_BYTES
        if full or groups[-1][0].tenant != item.tenant:
            groups.append([])
            size_bytes = len(item.body)
        groups[-1].append(item)
    return groups


def spool_full() -> WorldError:
    """Return the error for a spool or disk without room."""
    message = "the spool on this machine's disk has no room"
    return WorldError(Kind.EXHAUSTED, "QUEUE_FULL", message, retry_after_s=LONGEST_PAUSE_S)
