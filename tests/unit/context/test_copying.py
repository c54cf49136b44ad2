"""Keeping local copies of used packs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from services.context import copying
from services.context.adapters.local_copy import LocalCopies, open_copies
from services.context.adapters.postgres import PostgresStore
from services.context.copying import CONFIRM_S, CopyKeeper
from services.context.core.values import Chunk, Document, Pack, Vector
from services.context.ingestor import Ingestor
from tests.fakes.postgres import PostgresServer
from tests.unit.context.conftest import StillClock
from tests.unit.context.samples import HANDBOOK


class CountedCopies(LocalCopies):
    """Local copies that count how often a pack was written."""

    saved = 0

    async def save(self, tenant: str, pack: Pack, chunks: Sequence[tuple[Chunk, str, Vector]]) -> None:
        """Count, then save."""
        self.saved += 1
        await super().save(tenant, pack, chunks)


@asynccontextmanager
async def _keeping(
    store: PostgresStore, clock: StillClock, *, most: int = 99
) -> AsyncIterator[tuple[CopyKeeper, CountedCopies]]:
    async with open_copies(None, clock) as kept:
        copies = CountedCopies(kept._connection, clock)
        keeper = CopyKeeper(store, copies, clock, max_chunks=most)
        work = asyncio.create_task(keeper.run())
        yield keeper, copies
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


@pytest.mark.spec("CTX-08")
async def test_each_version_is_copied_once(store: PostgresStore, ingestor: Ingestor, clock: StillClock) -> None:
    """Many uses of a pack copy it once; a new version is copied; an old one is only confirmed."""
    pack = (await ingestor.ingest("acme", "p", HANDBOOK[:2], replace=False)).pack
    async with _keeping(store, clock) as (keeper, copies):
        for _ in range(3):
            keeper.note("acme", pack)
            await keeper.settled()
        clock.advance(CONFIRM_S)
        keeper.note("acme", pack)
        await keeper.settled()
        assert copies.saved == 1

        newer = (await ingestor.ingest("acme", "p", HANDBOOK, replace=False)).pack
        keeper.note("acme", newer)
        await keeper.settled()
        assert (2, newer) == (copies.saved, await copies.find_pack("acme", "p"))


async def test_a_pack_that_moved_on_or_is_too_large_is_not_copied(
    store: PostgresStore, ingestor: Ingestor, clock: StillClock
) -> None:
    """A copy never mixes versions, and memory is bounded."""
    old = (await ingestor.ingest("acme", "p", HANDBOOK[:1], replace=False)).pack
    new = (await ingestor.ingest("acme", "p", HANDBOOK, replace=False)).pack
    async with _keeping(store, clock, most=2) as (keeper, copies):
        keeper.note("acme", old)
        keeper.note("acme", new)
        await keeper.settled()

        assert copies.saved == 0


async def test_a_pack_of_many_pages_is_copied_whole(
    store: PostgresStore, ingestor: Ingestor, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages join without a gap and without a repetition, across documents."""
    monkeypatch.setattr(copying, "PAGE_CHUNKS", 2)
    long = Document(document_id="long", text="".join(f"Rule number {n} of the house.\n" for n in range(200)))
    pack = (await ingestor.ingest("acme", "p", [long, *HANDBOOK], replace=False)).pack
    async with _keeping(store, clock) as (keeper, copies):
        keeper.note("acme", pack)
        await keeper.settled()
        found = await copies.search("acme", "p", "rule", None, model="", limit=99)

        assert copies.saved == 1
    assert pack.chunk_count - len(HANDBOOK) == len({c.chunk.chunk_id for c in found}) == len(found)


async def test_a_failed_copy_is_tried_again(
    store: PostgresStore, ingestor: Ingestor, clock: StillClock, postgres: PostgresServer
) -> None:
    """A store that goes away in between costs only a later try."""
    pack = (await ingestor.ingest("acme", "p", HANDBOOK, replace=False)).pack
    async with _keeping(store, clock) as (keeper, copies):
        postgres.crash()
        keeper.note("acme", pack)
        await keeper.settled()
        postgres.start()
        keeper.note("acme", pack)
        await keeper.settled()

        assert await copies.find_pack("acme", "p") == pack
