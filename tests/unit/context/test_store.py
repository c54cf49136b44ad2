"""The live knowledge store, on a real PostgreSQL 18 with pgvector."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from services.chassis.errors import Kind, MeshError
from services.context.adapters.embedding import BatchingEmbedder
from services.context.adapters.postgres import PostgresStore
from services.context.core import digests, revision
from services.context.core.values import Document
from services.context.ingestor import Ingestor
from tests.fakes.postgres import Database, PostgresServer, migrate, migrator_dsn
from tests.unit.context.samples import HANDBOOK


async def test_an_ingest_is_read_back_exactly(store: PostgresStore, ingestor: Ingestor) -> None:
    """Pack, documents and chunks come back with their fingerprints and offsets."""
    text = "Grüße an alle. " * 200
    done = await ingestor.ingest("acme", "handbook", [Document(document_id="long", text=text)], replace=False)
    chunks = await store.chunks("acme", "handbook", limit=100)

    assert done.pack == await store.find_pack("acme", "handbook")
    assert (1, 1, len(chunks)) == (done.pack.version, done.pack.document_count, done.pack.chunk_count)
    assert all(c.text == text[c.start : c.end] and c.sha256 == digests.of_text(c.text) for c, _, _ in chunks)
    assert [digests.of_text(text)] == [d.sha256 for d in await store.documents("acme", "handbook")]


@pytest.mark.spec("CTX-21", "CTX-25")
async def test_hybrid_search_finds_by_words_and_by_meaning(
    store: PostgresStore, real_embedder: BatchingEmbedder
) -> None:
    """Only words find a rare code, only meaning finds a paraphrase; one question for both returns both."""
    await Ingestor(store, real_embedder).ingest("acme", "handbook", HANDBOOK, replace=False)
    (vector,) = await real_embedder.embed(["how long may new mothers and fathers stay at home?"])

    found = await store.search("acme", "handbook", "XK-4471", vector, model=real_embedder.model_id, limit=1)

    ranks = {c.chunk.document_id: (c.dense_rank, c.sparse_rank) for c in found}
    assert ranks == {"leave": (1, 0), "printer": (0, 1)}
    assert {"handbook/leave.md", ""} == {c.chunk.source for c in found}


async def test_rare_words_weigh_more_and_give_the_coverage(store: PostgresStore, ingestor: Ingestor) -> None:
    """The share of the question's words is weighed by rarity; a question without words finds nothing."""
    documents = [Document(document_id=str(n), text=f"Report number {n} on travel.") for n in range(20)]
    await ingestor.ingest("acme", "p", [*documents, HANDBOOK[1]], replace=False)

    found = await store.search("acme", "p", "Report on error XK-4471", None, model="none", limit=3)

    assert found[0].chunk.document_id == "printer"
    assert found[0].coverage > 0.8 > found[1].coverage
    assert all(c.similarity is None for c in found)
    assert await store.search("acme", "p", "the of and", None, model="none", limit=3) == ()


@pytest.mark.spec("CCH-13")
async def test_no_tenant_sees_another(store: PostgresStore, ingestor: Ingestor, embedder: BatchingEmbedder) -> None:
    """Packs of the same name belong to different tenants; neither reading nor searching nor writing crosses over."""
    await ingestor.ingest("acme", "handbook", HANDBOOK, replace=False)
    await ingestor.ingest(
        "other", "handbook", [Document(document_id="secret", text="Other's parental leave")], replace=True
    )
    (vector,) = await embedder.embed([HANDBOOK[0].text])

    for pack_id in ("handbook", None):
        found = await store.search("other", pack_id, HANDBOOK[0].text, vector, model=embedder.model_id, limit=50)
        assert {"secret"} == {c.chunk.document_id for c in found}
    assert await store.find_pack("third", "handbook") is None
    assert await store.chunks("third", "handbook", limit=9) == ()
    assert await store.vectors("other", "handbook", [digests.of_text(HANDBOOK[0].text)], model=embedder.model_id) == {}
    assert len(await store.documents("acme", "handbook")) == 3


async def test_a_large_index_still_finds_a_small_tenant(
    store: PostgresStore, ingestor: Ingestor, embedder: BatchingEmbedder
) -> None:
    """The approximate search walks on past the chunks of others until it has enough of the tenant's own."""
    crowd = [Document(document_id=str(n), text=f"parental leave weeks {n}") for n in range(200)]
    await ingestor.ingest("crowd", "p", crowd, replace=False)
    await ingestor.ingest("acme", "p", HANDBOOK, replace=False)
    (vector,) = await embedder.embed(["parental leave weeks"])

    found = await store.search("acme", "p", "nothing", vector, model=embedder.model_id, limit=3)

    assert sorted(c.dense_rank for c in found) == [1, 2, 3]


async def test_a_lost_race_is_a_conflict(store: PostgresStore, ingestor: Ingestor, embedder: BatchingEmbedder) -> None:
    """A revision planned on a version that is gone is refused, and nothing of it stays."""
    await ingestor.ingest("acme", "p", HANDBOOK[:1], replace=False)
    stale = revision.plan(HANDBOOK[1:], [], base_version=0, replace=False, model=embedder.model_id)
    vectors = dict(
        zip([s for c in stale.changes for s in c.piece_sha256s], await embedder.embed(["a", "b"]), strict=True)
    )

    with pytest.raises(MeshError) as caught:
        await store.apply(
            "acme", "p", revision.EmbeddedRevision(revision=stale, vectors=vectors, model=embedder.model_id)
        )

    assert (caught.value.kind, caught.value.reason) == (Kind.ABORTED, "WRITE_CONFLICT")
    assert [d.document_id for d in await store.documents("acme", "p")] == ["leave"]


async def test_writers_of_one_pack_take_turns(store: PostgresStore, ingestor: Ingestor) -> None:
    """Two ingests at once both succeed, one after the other, and nothing is lost."""
    await asyncio.gather(*(ingestor.ingest("acme", "p", [d], replace=False) for d in HANDBOOK[:2]))

    pack = await store.find_pack("acme", "p")
    assert pack is not None
    assert (pack.version, pack.document_count) == (2, 2)


async def test_packs_are_listed_by_id(store: PostgresStore, ingestor: Ingestor) -> None:
    """A page begins after the id given."""
    for pack_id in ("b", "a", "c"):
        await ingestor.ingest("acme", pack_id, HANDBOOK[:1], replace=False)

    assert [p.pack_id for p in await store.list_packs("acme", after="a", limit=5)] == ["b", "c"]
    assert [p.pack_id for p in await store.list_packs("acme", after="", limit=1)] == ["a"]


async def test_a_lost_database_is_one_typed_error(
    store: PostgresStore, ingestor: Ingestor, database: Database, postgres: PostgresServer
) -> None:
    """While the server is away every method says STORE_UNAVAILABLE; when it is back the same pool works."""
    await ingestor.ingest("acme", "p", HANDBOOK, replace=False)
    postgres.crash()
    with pytest.raises(MeshError) as caught:
        await store.find_pack("acme", "p")
    postgres.start()

    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert await store.find_pack("acme", "p") is not None
    assert database.server is postgres


def test_the_role_may_do_what_it_needs_and_no_more(database: Database) -> None:
    """The service's role can neither change the schema nor empty a table nor rewrite a chunk."""
    with psycopg.connect(database.dsn("context"), autocommit=True) as connection:
        for statement in (
            "drop table context.packs",
            "truncate context.chunks",
            "delete from context.packs",
            "update context.chunks set body = ''",
            "create table context.mine (id int)",
            "select * from context.alembic_version",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_migration_goes_down_and_up(database: Database) -> None:
    """Downgrading leaves nothing of the room behind, and upgrading makes it anew."""
    dsn = migrator_dsn(database.server, database.name)
    migrate(dsn, "context", revision="base")
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select to_regclass('context.packs')").fetchone() == (None,)
    migrate(dsn, "context")

    with psycopg.connect(dsn) as connection:
        assert connection.execute("select count(*) from context.packs").fetchone() == (0,)


async def test_replacing_a_document_leaves_no_old_chunk(store: PostgresStore, ingestor: Ingestor) -> None:
    """After a shorter text takes a longer one's place, only its own chunks are found."""
    await ingestor.ingest("acme", "p", [replace(HANDBOOK[0], text="Old rule. " * 300)], replace=False)
    await ingestor.ingest("acme", "p", [HANDBOOK[0]], replace=False)

    assert [HANDBOOK[0].text] == [c.text for c, _, _ in await store.chunks("acme", "p", limit=9)]
