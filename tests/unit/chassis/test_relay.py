"""Every letter arrives, however often somebody fails on the way, and is gone once it was acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from services.chassis.errors import CallerError, Kind, MeshError, unavailable
from services.chassis.relay import BATCH, Letter, Relay
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool

AWAY = unavailable("DEPENDENCY_UNAVAILABLE", "it is down")
REFUSED = CallerError(Kind.NOT_FOUND, "MODEL_NOT_FOUND", "no such model")


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with a schema that has an outbox."""
    with fresh_database(postgres, migrations_of=["engine"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Empty the outbox and yield the service's own pool."""
    async with room_pool(database, "engine", empty=["outbox"]) as opened:
        yield opened


class Receiver:
    """Whoever gets the letters; fails as told, first failure first."""

    def __init__(self, *failures: MeshError, refuses: str = "") -> None:
        self.failures = list(failures)
        self.refuses = refuses
        self.seen: list[Letter] = []
        self.arrived = asyncio.Event()

    async def deliver(self, letter: Letter) -> None:
        """Take one letter."""
        await asyncio.sleep(0)
        if letter.letter_id == self.refuses:
            raise REFUSED
        if self.failures:
            raise self.failures.pop(0)
        self.seen.append(letter)
        self.arrived.set()


async def write(pool: asyncpg.Pool, *names: str) -> None:
    """Write letters, as the transaction of a cause does."""
    statement = "insert into outbox (letter_id, tenant, subject, body) values ($1, 'acme', 'ada', $2)"
    await pool.executemany(statement, [(name, name.encode()) for name in names])


async def waiting(pool: asyncpg.Pool) -> list[str]:
    """Return the letters that are not delivered."""
    return [row["letter_id"] for row in await pool.fetch("select letter_id from outbox order by letter_id")]


async def due_again(pool: asyncpg.Pool) -> None:
    """Let the time pass that letters wait."""
    await pool.execute("update outbox set due_at = now()")


async def test_a_letter_arrives_with_its_tenant_and_is_gone(pool: asyncpg.Pool) -> None:
    """Its call is one of the tenant and person that caused it."""
    receiver = Receiver()
    await write(pool, "a")
    assert await Relay(pool, receiver.deliver, box="test").deliver_due() == 1

    (letter,) = receiver.seen
    assert (letter.letter_id, letter.body, letter.attempts) == ("a", b"a", 1)
    assert letter.metadata == (("x-magistrate-tenant", "acme"), ("x-magistrate-subject", "ada"))
    assert await waiting(pool) == []


async def test_a_letter_that_fails_is_kept_and_comes_again(pool: asyncpg.Pool) -> None:
    """Not at once, and with every other letter delivered meanwhile."""
    receiver = Receiver(AWAY)
    relay = Relay(pool, receiver.deliver, box="test")
    await write(pool, "a")
    await relay.deliver_due()
    await write(pool, "b")
    await relay.deliver_due()
    assert ([letter.letter_id for letter in receiver.seen], await waiting(pool)) == (["b"], ["a"])

    await due_again(pool)
    await relay.deliver_due()
    assert [(letter.letter_id, letter.attempts) for letter in receiver.seen] == [("b", 1), ("a", 2)]
    assert await waiting(pool) == []


async def test_a_refused_letter_holds_up_no_other_and_is_not_thrown_away(pool: asyncpg.Pool) -> None:
    """It waits much longer than one that failed."""
    receiver = Receiver(refuses="bad")
    await write(pool, "bad", *(f"good-{number:02}" for number in range(2 * BATCH)))
    relay = Relay(pool, receiver.deliver, box="test")
    while await relay.deliver_due():
        pass

    assert len(receiver.seen) == 2 * BATCH
    assert await waiting(pool) == ["bad"]
    assert await pool.fetchval("select due_at > now() + interval '5 minutes' from outbox")


async def test_two_relays_share_the_letters(pool: asyncpg.Pool) -> None:
    """None is delivered by both while nobody dies."""
    names = [f"l-{number:03}" for number in range(5 * BATCH)]
    await write(pool, *names)
    receiver = Receiver()
    relays = [Relay(pool, receiver.deliver, box="test") for _ in range(2)]
    for _ in range(5):
        await asyncio.gather(*(relay.deliver_due() for relay in relays))

    assert sorted(letter.letter_id for letter in receiver.seen) == names
    assert await waiting(pool) == []


async def test_a_letter_of_a_dead_relay_is_taken_up_when_its_time_is_over(pool: asyncpg.Pool) -> None:
    """What was taken and not acknowledged comes again: at least once, never not at all."""
    stalled = asyncio.Event()

    async def dies(_: Letter) -> None:
        stalled.set()
        await asyncio.Event().wait()

    await write(pool, "a")
    dying = asyncio.create_task(Relay(pool, dies, box="test").deliver_due())
    await stalled.wait()
    dying.cancel()
    receiver = Receiver()
    relay = Relay(pool, receiver.deliver, box="test")
    assert await relay.deliver_due() == 0, "it is taken for a while"
    await due_again(pool)
    assert await relay.deliver_due() == 1
    assert (receiver.seen[0].attempts, await waiting(pool)) == (2, [])


async def test_a_running_relay_hears_of_letters_at_once_and_outlives_its_store(
    pool: asyncpg.Pool, database: Database
) -> None:
    """Woken it delivers without waiting for its interval; a store that is away for a while ends nothing."""
    receiver = Receiver()
    relay = Relay(pool, receiver.deliver, box="test", interval_s=0.05)
    running = asyncio.create_task(relay.run())
    try:
        await asyncio.to_thread(database.server.crash)
        await asyncio.to_thread(database.server.start)
        await write(pool, "a")
        relay.wake()
        await asyncio.wait_for(receiver.arrived.wait(), 30)
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
