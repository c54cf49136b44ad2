"""Keep the local copies of used packs up to date, behind the replies."""

import asyncio

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.context.core.values import Chunk, Pack, Vector
from services.context.ports import Copies, Store

MAX_CHUNKS = 20_000
"""Packs larger than this are not copied: some 60 MB in memory."""
PAGE_CHUNKS = 500
"""Chunks read at once: some ten milliseconds of work."""
MAX_NOTED = 1000
CONFIRM_S = 3600.0
"""How often a pack that stays the same is confirmed, far below the time for which a copy is good."""
_log = get_logger("context.copy")
_copied = counter(
    "magistrate_context_copies_total", "Packs copied for when the store is away, by outcome.", ["outcome"]
)


class CopyKeeper:
    """Copy each pack that was used, once a version."""

    def __init__(self, store: Store, copies: Copies, clock: Clock, *, max_chunks: int = MAX_CHUNKS) -> None:
        self._store = store
        self._copies = copies
        self._clock = clock
        self._max_chunks = max_chunks
        self._noted: dict[tuple[str, str], tuple[int, float]] = {}
        """The version that was copied or confirmed last, and when."""
        self._queue: asyncio.Queue[tuple[str, Pack]] = asyncio.Queue(MAX_NOTED)

    def note(self, tenant: str, pack: Pack) -> None:
        """Remember that ``pack`` was used; it is copied soon unless this version was already, not long ago."""
        key, now = (tenant, pack.pack_id), self._clock.monotonic()
        version, at = self._noted.get(key, (0, now))
        if (version == pack.version and now - at < CONFIRM_S) or self._queue.full():
            return
        if len(self._noted) >= MAX_NOTED:
            self._noted.clear()
        self._noted[key] = (pack.version, now)
        self._queue.put_nowait((tenant, pack))

    async def run(self) -> None:
        """Copy what is noted, for as long as the process lives."""
        while True:
            tenant, pack = await self._queue.get()
            await self._copy(tenant, pack)
            self._queue.task_done()

    async def settled(self) -> None:
        """Wait until everything noted so far is copied; `run` must be running."""
        await self._queue.join()

    async def _copy(self, tenant: str, pack: Pack) -> None:
        if pack.chunk_count > self._max_chunks:
            _copied.labels(outcome="too_large").inc()
            return
        try:
            if await self._copies.confirm(tenant, pack):
                return
            chunks = await self._read(tenant, pack)
            if chunks and all(chunk.pack_version == pack.version for chunk, _, _ in chunks):
                await self._copies.save(tenant, pack, chunks)
                _copied.labels(outcome="copied").inc()
                return
            _copied.labels(outcome="moved_on").inc()
        except MeshError as error:
            _copied.labels(outcome="failed").inc()
            _log.warning("copy_failed", pack_id=pack.pack_id, reason=error.reason)
        self._noted.pop((tenant, pack.pack_id), None)

    async def _read(self, tenant: str, pack: Pack) -> list[tuple[Chunk, str, Vector]]:
        """Read the pack page by page, so that calls are served in between."""
        chunks: list[tuple[Chunk, str, Vector]] = []
        after = ("", -1)
        while page := await self._store.chunks(tenant, pack.pack_id, after=after, limit=PAGE_CHUNKS):
            chunks += page
            after = (page[-1][0].document_id, page[-1][0].ordinal)
        return chunks
