"""Searching the live store, and what happens when the embedding model does not work."""

import pytest

from services.chassis.errors import MeshError
from services.context.adapters.embedding import BatchingEmbedder, VectorCache, open_embedder
from services.context.adapters.hashing import HashingModel
from services.context.adapters.local_copy import open_copies
from services.context.adapters.postgres import PostgresStore
from services.context.core.values import Document, SearchMode
from services.context.ingestor import Ingestor
from services.context.ports import Model
from services.context.retriever import Found, Retriever, Search
from tests.unit.context.conftest import StillClock
from tests.unit.context.samples import HANDBOOK
from tests.unit.context.test_embedding import BrokenModel


async def _search(store: PostgresStore, model: Model, clock: StillClock, mode: SearchMode = SearchMode.HYBRID) -> Found:
    search = Search(tenant="acme", pack_id="p", query="print queue error XK-4471", k=4, mode=mode)
    async with (
        open_embedder(model, VectorCache(clock, entries=9, ttl_s=9)) as embedder,
        open_copies(None, clock) as copies,
    ):
        return await Retriever(store, copies, embedder, clock, store_timeout_s=5).live(search)


@pytest.mark.spec("CTX-29")
async def test_the_stand_in_model_is_declared(store: PostgresStore, ingestor: Ingestor, clock: StillClock) -> None:
    """With hashed words for embeddings a search still answers, and names the component and its fallback."""
    await ingestor.ingest("acme", "p", HANDBOOK, replace=False)

    found = await _search(store, HashingModel(), clock)

    assert found.hits[0].chunk.document_id == "printer"
    assert [(d.component, d.fallback) for d in found.degradations] == [("context.embedding", "hashing-384")]


async def test_a_broken_model_leaves_the_words(store: PostgresStore, ingestor: Ingestor, clock: StillClock) -> None:
    """Hybrid search goes on by words alone and says so; a search by meaning alone cannot."""
    await ingestor.ingest("acme", "p", HANDBOOK, replace=False)

    found = await _search(store, BrokenModel(), clock)
    with pytest.raises(MeshError, match="EMBEDDING_UNAVAILABLE"):
        await _search(store, BrokenModel(), clock, SearchMode.DENSE)

    assert [h.chunk.document_id for h in found.hits] == ["printer"]
    assert [(d.component, d.fallback, d.reason) for d in found.degradations] == [
        ("context.embedding", "words_only", "EMBEDDING_UNAVAILABLE")
    ]


async def test_words_alone_need_no_model(store: PostgresStore, ingestor: Ingestor, clock: StillClock) -> None:
    """A search by words never asks the model, so a broken one does not matter."""
    await ingestor.ingest("acme", "p", HANDBOOK, replace=False)

    found = await _search(store, BrokenModel(), clock, SearchMode.SPARSE)

    assert ([h.chunk.document_id for h in found.hits], found.degradations) == (["printer"], ())


@pytest.mark.spec("CTX-22")
async def test_near_duplicates_give_one_hit(
    store: PostgresStore, real_embedder: BatchingEmbedder, clock: StillClock
) -> None:
    """Ten copies of a passage that differ in a stop count once, and leave room for another passage."""
    text = HANDBOOK[1].text
    copies = [Document(document_id=f"copy-{n}", text=f"{text}{' .' * n}") for n in range(10)]
    await Ingestor(store, real_embedder).ingest("acme", "p", [*copies, *HANDBOOK], replace=False)
    search = Search(tenant="acme", pack_id="p", query="print queue error XK-4471", k=4, min_similarity=0.0)
    async with open_copies(None, clock) as kept:
        found = await Retriever(store, kept, real_embedder, clock, store_timeout_s=5).live(search)

    hits = [h.chunk.document_id for h in found.hits]
    assert len([i for i in hits if i.startswith("copy-") or i == "printer"]) == 1
    assert len(hits) > 1
