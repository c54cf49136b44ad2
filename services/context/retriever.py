"""Find chunks: embed the question, search the live store, and take the local copy where the store is away."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TypeVar

from services.chassis.clock import Clock
from services.chassis.errors import Kind, MeshError, not_found, unavailable
from services.chassis.metrics import counter, histogram
from services.chassis.waiting import within
from services.context.core import fusion, relevance
from services.context.core.values import Degradation, Hit, Pack, SearchMode, Tier, Vector
from services.context.ports import Copies, Embedder, Reader

STORE = "context.store"
EMBEDDING = "context.embedding"
LEAST_FETCHED = 20
"""Candidates that each search gives at least, so that fusion and diversity have a choice (spec row CTX-22)."""
_Answer = TypeVar("_Answer")
_searches = counter("magistrate_context_searches_total", "Searches, by the tier that answered.", ["tier"])
_duration = histogram("magistrate_context_search_seconds", "Time of one search.", ["tier"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for."""

    tenant: str
    pack_id: str | None
    """One pack; None means every pack of the tenant."""
    query: str
    k: int
    mode: SearchMode = SearchMode.HYBRID
    min_similarity: float = relevance.MIN_SIMILARITY
    mmr_lambda: float = fusion.MMR_LAMBDA


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search gave, from where, and what did not work on the way."""

    hits: tuple[Hit, ...]
    tier: Tier
    confidence: float
    degradations: tuple[Degradation, ...] = ()
    pack: Pack | None = None
    """The pack that was searched; None where all of the tenant's were."""


class Retriever:
    """Search the packs of a tenant by meaning and by words."""

    def __init__(
        self, store: Reader, copies: Copies, embedder: Embedder, clock: Clock, *, store_timeout_s: float
    ) -> None:
        self._store = store
        self._copies = copies
        self._embedder = embedder
        self._clock = clock
        self._store_timeout_s = store_timeout_s

    async def live(self, search: Search) -> Found:
        """Search the live store.

        Raises:
            CallerError: PACK_NOT_FOUND.
            WorldError: STORE_UNAVAILABLE.
        """
        return await self._search(self._store, search, Tier.LIVE)

    async def copy(self, search: Search) -> Found | None:
        """Search the local copy; nothing where no copy of the pack is good."""
        if search.pack_id is not None and await self._copies.find_pack(search.tenant, search.pack_id) is None:
            return None
        return await self._search(self._copies, search, Tier.COPY)

    async def _search(self, reader: Reader, search: Search, tier: Tier) -> Found:
        began = self._clock.monotonic()
        (vector, degradations), pack = await asyncio.gather(self._embed(search), self._pack(reader, search))
        limit = max(LEAST_FETCHED, 2 * search.k)
        candidates = await self._timed(
            reader.search(
                search.tenant, search.pack_id, search.query, vector, model=self._embedder.model_id, limit=limit
            )
        )
        hits = relevance.choose(
            candidates, k=search.k, mode=search.mode, min_similarity=search.min_similarity, mmr_lambda=search.mmr_lambda
        )
        _searches.labels(tier=tier).inc()
        _duration.labels(tier=tier).observe(self._clock.monotonic() - began)
        confidence = relevance.confidence(hits)
        return Found(hits=hits, tier=tier, confidence=confidence, degradations=degradations, pack=pack)

    async def _embed(self, search: Search) -> tuple[Vector | None, tuple[Degradation, ...]]:
        """Return the question's vector, or none and why: then words alone must do."""
        if search.mode is SearchMode.SPARSE:
            return None, ()
        try:
            vector = (await self._embedder.embed([search.query]))[0]
        except MeshError as error:
            if error.kind is not Kind.UNAVAILABLE or search.mode is SearchMode.DENSE:
                raise
            return None, (Degradation(component=EMBEDDING, fallback="words_only", reason=error.reason),)
        if self._embedder.is_fallback:
            reason = "EMBEDDING_UNAVAILABLE"
            return vector, (Degradation(component=EMBEDDING, fallback=self._embedder.model_id, reason=reason),)
        return vector, ()

    async def _pack(self, reader: Reader, search: Search) -> Pack | None:
        if search.pack_id is None:
            return None
        pack = await self._timed(reader.find_pack(search.tenant, search.pack_id))
        if pack is None:
            raise not_found("PACK_NOT_FOUND", "pack_id", search.pack_id)
        return pack

    async def _timed(self, answer: Coroutine[object, object, _Answer]) -> _Answer:
        """Wait for a store no longer than it may take: what stands in for one that hangs needs time too."""
        try:
            return await within(self._store_timeout_s, answer)
        except TimeoutError as error:
            raise unavailable("STORE_UNAVAILABLE", "the knowledge store does not answer in time", 1.0) from error
