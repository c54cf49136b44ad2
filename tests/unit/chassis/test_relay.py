"""A row of the outbox is there exactly when its transaction committed, and goes when it was acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import asyncpg
import psycopg
import pytest

from services.chassis.config import SecretFile
from services.chassis.errors import CallerError, Kind, MeshError, WorldError, unavailable
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.relay import TABLE, Relay
from services.chassis.spool import Item
from tests.fakes.postgres import Database, PostgresServer, fresh_database

AWAY = unavailable("DEPENDENCY_UNAVAILABLE", "away")
BAD = CallerError(Kind.INVALID, "FIELD_TOO_LONG", "never")


@dataclass(slots=True)
class Peer:
    """The other service: takes everything unless told what to answer."""

    answers: list[MeshError | None] = field(default_factory=list)
    got: list[Item] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, items: Sequence[Item]) -> Sequence[MeshError | None]:
        """Take what comes."""
        outcomes = [self.answers.pop(0) if self.answers else None for _ in items]
        self.got.extend(item for item, outcome in zip(items, outcomes, strict=True) if outcome is None)
        self.changed.set()
        return outcomes


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with an outbox in the schema of a service."""
    with fresh_database(postgres, migrations_of=["engine"]) as fresh:
        with psycopg.connect(fresh.owner_dsn) as connection:
            connection.execute(TABLE.format(schema="engine").encode())
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Yield a pool of that service."""
    settings = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.name,
        user="engine",
        password_file=SecretFile(database.password_file),
        schema="engine",
    )
    async with open_pool(settings) as opened:
        yield opened


def item(body: str, tenant: str = "acme") -> Item:
    """Return an item."""
    return Item(tenant=tenant, body=body.encode())


async def put(pool: asyncpg.Pool, relay: Relay, *items: Item) -> None:
    """Commit rows."""
    async with pool.acquire() as connection, connection.transaction():
        for each in items:
            await relay.add(connection, each)


@pytest.mark.spec("REC-02", "T11")
async def test_committed_rows_are_carried_and_rolled_back_ones_never_were(pool: asyncpg.Pool) -> None:
    """What committed arrives in order, tenant by tenant; what was rolled back does not; nothing is left."""
    peer = Peer()
    relay = Relay(pool, peer)
    await put(pool, relay, item("a"), item("b"), item("c", tenant="other"))
    async with pool.acquire() as connection:
        undone = connection.transaction()
        await undone.start()
        await relay.add(connection, item("never"))
        await undone.rollback()

    while await relay.carry():
        pass

    assert peer.got == [item("a"), item("b"), item("c", tenant="other")]
    assert await pool.fetchval("select count(*) from outbox") == 0


@pytest.mark.spec("REC-02", "T11")
async def test_only_what_was_acknowledged_goes(pool: asyncpg.Pool) -> None:
    """A row that was not taken stays and is sent again; one that never will be stays, with the reason."""
    peer = Peer(answers=[None, AWAY, BAD])
    relay = Relay(pool, peer)
    await put(pool, relay, item("a"), item("b"), item("c"))

    with pytest.raises(WorldError, match="DEPENDENCY_UNAVAILABLE"):
        await relay.carry()
    while await relay.carry():
        pass

    assert peer.got == [item("a"), item("b")]
    assert [tuple(row) for row in await pool.fetch("select body, refused from outbox")] == [(b"c", "FIELD_TOO_LONG")]


@pytest.mark.spec("REC-02", "REC-09")
async def test_death_between_acknowledgement_and_deletion(pool: asyncpg.Pool) -> None:
    """K8: the row is sent once more; the record's key makes that harmless."""
    got = list[Item]()

    async def take_and_die(items: Sequence[Item]) -> Sequence[MeshError | None]:
        got.extend(items)
        raise asyncio.CancelledError

    await put(pool, Relay(pool, take_and_die), item("a"))
    with pytest.raises(asyncio.CancelledError):
        await Relay(pool, take_and_die).carry()
    peer = Peer()
    await Relay(pool, peer).carry()

    assert got == peer.got == [item("a")]


async def test_two_relays_share_the_work(pool: asyncpg.Pool) -> None:
    """What one has in hand the other leaves alone."""
    holding, release, first, second = asyncio.Event(), asyncio.Event(), list[Item](), Peer()

    async def slow(items: Sequence[Item]) -> Sequence[MeshError | None]:
        first.extend(items)
        holding.set()
        await release.wait()
        return [None] * len(items)

    await put(pool, Relay(pool, slow), item("a"))
    carrying = asyncio.create_task(Relay(pool, slow).carry())
    await holding.wait()
    assert not await Relay(pool, second).carry()
    release.set()
    await carrying

    assert (first, second.got) == ([item("a")], [])


async def test_runs_by_itself(pool: asyncpg.Pool) -> None:
    """Woken after a commit, the relay carries at once."""
    peer = Peer()
    relay = Relay(pool, peer)
    running = asyncio.create_task(relay.run())
    await put(pool, relay, item("a"))
    relay.wake()
    async with asyncio.timeout(10):
        await peer.changed.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert peer.got == [item("a")]
