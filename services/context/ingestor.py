"""Bring documents into a pack: plan, embed only what is new, write all of it or nothing (spec row CTX-25)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.chassis.errors import MeshError
from services.chassis.metrics import counter
from services.context.core import revision
from services.context.core.revision import EmbeddedRevision, Outcome, Revision
from services.context.core.values import Document, Pack, Vector
from services.context.ports import Embedder, Store

SLICE_TEXTS = 64
"""Texts handed to the embedder at once, so that an ingest never fills its queue."""
ATTEMPTS = 3
"""Times a call plans anew when another writer of the same pack was faster."""
_chunks = counter(
    "magistrate_context_ingested_chunks_total", "Chunks written, by where their vector came from.", ["vector"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The pack as it stands after the call, and what happened to each document."""

    pack: Pack
    outcomes: tuple[Outcome, ...]


class Ingestor:
    """Write documents; the same content again changes nothing and keeps the version."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    async def ingest(self, tenant: str, pack_id: str, documents: Sequence[Document], *, replace: bool) -> Ingested:
        """Make the pack hold ``documents``, and with ``replace`` nothing else.

        A document whose id is in the pack already takes the old one's place.

        Raises:
            WorldError: STORE_UNAVAILABLE, EMBEDDING_UNAVAILABLE; WRITE_CONFLICT after three lost races.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._attempt(tenant, pack_id, documents, replace=replace)
            except MeshError as error:
                if error.reason != "WRITE_CONFLICT":
                    raise
        return await self._attempt(tenant, pack_id, documents, replace=replace)

    async def _attempt(self, tenant: str, pack_id: str, documents: Sequence[Document], *, replace: bool) -> Ingested:
        pack = await self._store.find_pack(tenant, pack_id)
        stored = await self._store.documents(tenant, pack_id) if pack else ()
        step = await asyncio.to_thread(
            revision.plan,
            documents,
            stored,
            base_version=pack.version if pack else 0,
            replace=replace,
            model=self._embedder.model_id,
        )
        if pack is None or not step.is_empty:
            vectors = await self._vectors(tenant, pack_id, step)
            embedded = EmbeddedRevision(revision=step, vectors=vectors, model=self._embedder.model_id)
            pack = await self._store.apply(tenant, pack_id, embedded)
        return Ingested(pack=pack, outcomes=revision.outcomes(documents, stored, step))

    async def _vectors(self, tenant: str, pack_id: str, step: Revision) -> Mapping[str, Vector]:
        """Return the vector of every piece by its fingerprint; what the pack has already is not computed again."""
        texts = {
            sha256: piece.text
            for change in step.changes
            for piece, sha256 in zip(change.pieces, change.piece_sha256s, strict=True)
        }
        known = await self._store.vectors(tenant, pack_id, list(texts), model=self._embedder.model_id)
        # Texts of like length share a run of the model without padding.
        missing = sorted((sha256 for sha256 in texts if sha256 not in known), key=lambda sha256: len(texts[sha256]))
        _chunks.labels(vector="reused").inc(len(known))
        _chunks.labels(vector="computed").inc(len(missing))
        for start in range(0, len(missing), SLICE_TEXTS):
            part = missing[start : start + SLICE_TEXTS]
            rows = await self._embedder.embed([texts[sha256] for sha256 in part], bulk=True)
            known.update(zip(part, np.asarray(rows), strict=True))
        return known
