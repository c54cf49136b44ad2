"""Embeddings off the event loop: one worker, fed with batches of whatever waits, and a cache in front (CTX-28)."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from services.chassis.clock import Clock
from services.chassis.errors import WorldError, unavailable
from services.chassis.log import get_logger
from services.chassis.metrics import counter, histogram
from services.context.core import digests
from services.context.core.values import Matrix, Vector
from services.context.ports import Model

BATCH_CHARACTERS = 4000
"""Text in one run of the model, which pads every text to the longest; a short question must not wait for long."""
BATCH_TEXTS = 32
MAX_WAITING = 4096
"""Texts that may wait; beyond it callers are turned away instead of kept."""
_log = get_logger("context.embedding")
_cached = counter("magistrate_context_embeddings_total", "Texts embedded, by where the vector came from.", ["source"])
_batch = histogram(
    "magistrate_context_embedding_batch_texts", "Texts in one run of the model.", buckets=(1, 2, 4, 8, 16, 32)
)


class VectorCache:
    """The most recently used vectors by the fingerprint of their text, each good for a limited time."""

    def __init__(self, clock: Clock, *, entries: int, ttl_s: float) -> None:
        self._clock = clock
        self._entries = entries
        self._ttl_s = ttl_s
        self._kept: OrderedDict[str, tuple[float, Vector]] = OrderedDict()

    def get(self, key: str) -> Vector | None:
        """Return the vector that is kept under ``key`` and not too old."""
        found = self._kept.get(key)
        if found is None:
            return None
        if self._clock.monotonic() - found[0] > self._ttl_s:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return found[1]

    def put(self, key: str, vector: Vector) -> None:
        """Keep ``vector``; the one used longest ago makes room."""
        self._kept[key] = (self._clock.monotonic(), vector)
        self._kept.move_to_end(key)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)


@dataclass(slots=True)
class _Waiting:
    text: str
    vector: "asyncio.Future[Vector]"


class BatchingEmbedder:
    """Embed for many callers at once: what comes in while the model runs shares its next run.

    No timer holds anything back: a lone caller is served at once, and batches form only under load.
    """

    def __init__(self, model: Model, cache: VectorCache) -> None:
        self._model = model
        self._cache = cache
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedding")
        self._urgent: deque[_Waiting] = deque()
        self._bulk: deque[_Waiting] = deque()
        self._running: asyncio.Task[None] | None = None

    @property
    def model_id(self) -> str:
        """Return the model's name."""
        return self._model.model_id

    @property
    def is_fallback(self) -> bool:
        """Return whether a fallback makes the vectors."""
        return self._model.is_fallback

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> Matrix:
        """Return one row for each text; bulk work waits until no one else does.

        Raises:
            WorldError: UNAVAILABLE, EMBEDDING_UNAVAILABLE: the model failed, or too much is waiting already.
        """
        keys = [digests.of_text(text) for text in texts]
        found = {key: vector for key in dict.fromkeys(keys) if (vector := self._cache.get(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        _cached.labels(source="cache").inc(len(found))
        _cached.labels(source="model").inc(len(missing))
        if missing:
            found |= await self._compute(missing, bulk=bulk)
        return np.stack([found[key] for key in keys])

    async def close(self) -> None:
        """Stop the worker; whoever still waits is told that the model is gone."""
        running = self._running
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self._fail([*self._urgent, *self._bulk])
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _compute(self, missing: dict[str, str], *, bulk: bool) -> dict[str, Vector]:
        if len(self._urgent) + len(self._bulk) + len(missing) > MAX_WAITING:
            raise unavailable("EMBEDDING_UNAVAILABLE", "too many texts wait to be embedded", 1.0)
        loop = asyncio.get_running_loop()
        waiting = {key: _Waiting(text, loop.create_future()) for key, text in missing.items()}
        (self._bulk if bulk else self._urgent).extend(waiting.values())
        if self._running is None or self._running.done():
            self._running = loop.create_task(self._drain(), name="embedding")
        try:
            vectors = await asyncio.gather(*(w.vector for w in waiting.values()))
        finally:
            for w in waiting.values():
                w.vector.cancel()
        computed = dict(zip(waiting, vectors, strict=True))
        if not bulk:
            for key, vector in computed.items():
                self._cache.put(key, vector)
        return computed

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next_batch():
            _batch.observe(len(batch))
            try:
                rows = await loop.run_in_executor(self._worker, self._model.embed, [w.text for w in batch])
            except asyncio.CancelledError:
                self._fail(batch)
                raise
            except Exception as error:  # noqa: BLE001 - whatever the runtime raises, it is the callers who must hear of it
                _log.error("embedding_failed", error=type(error).__name__, count=len(batch))
                self._fail(batch)
                continue
            for w, row in zip(batch, rows, strict=True):
                if not w.vector.done():
                    w.vector.set_result(row)

    def _next_batch(self) -> list[_Waiting]:
        """Take what shares the next run: urgent texts first, and none whose caller has gone."""
        self._drop_abandoned()
        lane = self._urgent or self._bulk
        batch: list[_Waiting] = []
        longest = 0
        while lane and len(batch) < BATCH_TEXTS:
            longest = max(longest, len(lane[0].text))
            if batch and longest * (len(batch) + 1) > BATCH_CHARACTERS:
                break
            batch.append(lane.popleft())
        return batch

    def _drop_abandoned(self) -> None:
        for lane in (self._urgent, self._bulk):
            while lane and lane[0].vector.done():
                lane.popleft()

    @staticmethod
    def _fail(batch: Sequence[_Waiting]) -> None:
        for w in batch:
            if not w.vector.done():
                w.vector.set_exception(_failed())


def _failed() -> WorldError:
    return unavailable("EMBEDDING_UNAVAILABLE", "the embedding model failed", 1.0)


@asynccontextmanager
async def open_embedder(model: Model, cache: VectorCache) -> AsyncIterator[BatchingEmbedder]:
    """Yield an embedder whose worker ends with the block."""
    embedder = BatchingEmbedder(model, cache)
    try:
        yield embedder
    finally:
        await embedder.close()
