"""Building a context: tier by tier, always declared."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.chassis.errors import Kind, MeshError
from services.context.adapters.embedding import BatchingEmbedder
from services.context.adapters.local_copy import LocalCopies, open_copies
from services.context.adapters.postgres import PostgresStore
from services.context.builder import Builder, Context, Question
from services.context.copying import CopyKeeper
from services.context.core.relevance import MIN_SIMILARITY
from services.context.core.values import Domain, Tier
from services.context.ingestor import Ingestor
from services.context.retriever import Retriever
from tests.fakes.postgres import PostgresServer
from tests.unit.context.conftest import StillClock
from tests.unit.context.samples import HANDBOOK

QUERY = "How many weeks of parental leave does an employee have?"


@dataclass(slots=True)
class Desk:
    """A builder over real parts, and the parts that tests reach for."""

    builder: Builder
    keeper: CopyKeeper
    postgres: PostgresServer

    async def ask(
        self, query: str = QUERY, *, pack_id: str = "handbook", strict: bool = False, domain: Domain | None = None
    ) -> Context:
        """Build a context for ``query``."""
        return await self.builder.build(
            Question(
                tenant="acme", pack_id=pack_id, query=query, domain=domain, max_tokens=8000, max_chunks=4, strict=strict
            )
        )


@pytest.fixture
async def copies(clock: StillClock) -> AsyncIterator[LocalCopies]:
    """Yield copies that live in memory."""
    async with open_copies(None, clock) as kept:
        yield kept


@pytest.fixture
async def desk(
    store: PostgresStore,
    copies: LocalCopies,
    real_embedder: BatchingEmbedder,
    clock: StillClock,
    postgres: PostgresServer,
) -> AsyncIterator[Desk]:
    """Yield a builder over a store that has the handbook, with its keeper of copies at work."""
    await Ingestor(store, real_embedder).ingest("acme", "handbook", HANDBOOK, replace=False)
    keeper = CopyKeeper(store, copies, clock)
    retriever = Retriever(store, copies, real_embedder, clock, store_timeout_s=2)
    work = asyncio.create_task(keeper.run())
    yield Desk(Builder(retriever, keeper, min_similarity=MIN_SIMILARITY), keeper, postgres)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    if postgres.process is not None and postgres.process.poll() is not None:
        postgres.start()


async def test_the_live_store_gives_full_context(desk: Desk) -> None:
    """What answers the question is in the text with its provenance; what does not is left out."""
    context = await desk.ask()

    assert (context.tier, context.degradations) == (Tier.LIVE, ())
    assert [p.hit.chunk.document_id for p in context.packed.passages] == ["leave"]
    assert HANDBOOK[0].text in context.packed.text
    assert context.confidence > 0.5


@pytest.mark.spec("CTX-23")
async def test_nothing_relevant_is_no_context(desk: Desk) -> None:
    """A question that the pack cannot answer gets an empty context, and that is no degradation."""
    context = await desk.ask("Which spices belong in a chicken soup?")

    assert (context.packed.text, context.confidence, context.tier, context.degradations) == ("", 0.0, Tier.LIVE, ())


@pytest.mark.spec("CTX-08")
async def test_the_copy_answers_when_the_store_is_gone(desk: Desk) -> None:
    """After one use of a pack the same chunks come from the local copy, and it says so."""
    live = await desk.ask()
    await desk.keeper.settled()
    desk.postgres.crash()

    kept = await desk.ask()

    assert kept.tier is Tier.COPY
    assert [(d.component, d.fallback, d.reason) for d in kept.degradations] == [
        ("context.store", "local_copy", "STORE_UNAVAILABLE")
    ]
    assert [p.hit.chunk for p in live.packed.passages] == [p.hit.chunk for p in kept.packed.passages]


@pytest.mark.spec("CTX-08")
async def test_without_a_copy_the_static_pack_then_nothing(desk: Desk) -> None:
    """A pack that was never used gives the template of the domain; without a domain there is none."""
    desk.postgres.crash()

    static = await desk.ask(domain=Domain.MARKET)
    none = await desk.ask()

    assert (static.tier, none.tier) == (Tier.STATIC, Tier.NONE)
    assert "No current price" in static.packed.text
    assert (static.confidence, none.packed.text) == (0.0, "")
    assert all(c.degradations[0].reason == "STORE_UNAVAILABLE" for c in (static, none))


@pytest.mark.spec("CTX-07")
async def test_a_store_that_hangs_is_left_for_the_copy(desk: Desk) -> None:
    """A frozen store costs no more than its timeout."""
    await desk.ask()
    await desk.keeper.settled()
    desk.postgres.freeze()
    try:
        kept = await desk.ask()
    finally:
        desk.postgres.thaw()

    assert kept.tier is Tier.COPY


@pytest.mark.spec("CTX-07")
async def test_strict_wants_context_or_an_error(desk: Desk) -> None:
    """Strict fails where nothing is relevant, and where the live store is away, even if a copy is there."""
    with pytest.raises(MeshError) as nothing:
        await desk.ask("Which spices belong in a chicken soup?", strict=True)
    assert (await desk.ask(strict=True)).tier is Tier.LIVE
    await desk.keeper.settled()
    desk.postgres.crash()
    with pytest.raises(MeshError) as away:
        await desk.ask(strict=True)

    assert (nothing.value.kind, nothing.value.reason) == (Kind.PRECONDITION, "CONTEXT_REQUIRED")
    assert (away.value.kind, away.value.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")


async def test_an_unknown_pack_is_an_error_and_a_missing_default_is_not(desk: Desk) -> None:
    """Who names a pack means it; who names none gets the default pack, if there is one."""
    with pytest.raises(MeshError) as unknown:
        await desk.ask(pack_id="nowhere")
    without = await desk.ask(pack_id="")

    assert (unknown.value.kind, unknown.value.reason) == (Kind.NOT_FOUND, "PACK_NOT_FOUND")
    assert (without.tier, without.packed.text) == (Tier.LIVE, "")
