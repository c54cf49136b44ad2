"""Bringing documents into a pack."""

from dataclasses import replace

import pytest

from services.context.adapters.embedding import BatchingEmbedder, VectorCache, open_embedder
from services.context.adapters.postgres import PostgresStore
from services.context.core.values import Document
from services.context.ingestor import Ingestor
from tests.unit.context.conftest import StillClock
from tests.unit.context.samples import HANDBOOK
from tests.unit.context.test_embedding import HeldModel


@pytest.mark.spec("CTX-25")
async def test_the_same_content_again_keeps_the_version(ingestor: Ingestor) -> None:
    """A repeated ingest is a no-op: same version, same fingerprint, every document unchanged."""
    first = await ingestor.ingest("acme", "p", HANDBOOK, replace=False)
    second = await ingestor.ingest("acme", "p", list(reversed(HANDBOOK)), replace=True)

    assert first.pack == second.pack
    assert all(o.unchanged for o in second.outcomes)
    assert not any(o.unchanged for o in first.outcomes)


async def test_versions_count_up_and_replace_removes(ingestor: Ingestor) -> None:
    """Each change is one version; replacing leaves exactly the documents given."""
    await ingestor.ingest("acme", "p", HANDBOOK[:2], replace=False)
    added = await ingestor.ingest("acme", "p", HANDBOOK[2:], replace=False)
    replaced = await ingestor.ingest("acme", "p", HANDBOOK[:1], replace=True)

    assert (added.pack.version, added.pack.document_count) == (2, 3)
    assert (replaced.pack.version, replaced.pack.document_count, replaced.pack.chunk_count) == (3, 1, 1)
    assert added.pack.content_sha256 != replaced.pack.content_sha256


async def test_known_chunks_are_not_embedded_again(store: PostgresStore, clock: StillClock) -> None:
    """Only the pieces that are new to the pack go to the model, each once."""
    model = HeldModel()
    model.go.set()
    long = Document(document_id="long", text="".join(f"Paragraph {n} of the rules.\n\n" for n in range(100)))
    async with open_embedder(model, VectorCache(clock, entries=1, ttl_s=1)) as embedder:
        ingestor = Ingestor(store, embedder)
        await ingestor.ingest("acme", "p", [long], replace=False)
        embedded = sum(map(len, model.runs))
        await ingestor.ingest(
            "acme", "p", [replace(long, title="New title"), replace(long, document_id="twin")], replace=True
        )

    assert embedded == sum(map(len, model.runs)) > 1


async def test_another_model_embeds_anew(store: PostgresStore, embedder: BatchingEmbedder, clock: StillClock) -> None:
    """What the stand-in embedded is replaced when the real model ingests the same content."""

    class Other(HeldModel):
        model_id = "other"

    await Ingestor(store, embedder).ingest("acme", "p", HANDBOOK, replace=False)
    model = Other()
    model.go.set()
    async with open_embedder(model, VectorCache(clock, entries=9, ttl_s=1)) as other:
        again = await Ingestor(store, other).ingest("acme", "p", HANDBOOK, replace=False)

    assert again.pack.version == 2
    assert {"other"} == {m for _, m, _ in await store.chunks("acme", "p", limit=9)}
