"""Whose call is whose, by when it began: claims on a real Valkey, told the time by the test."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from services.chassis.clock import RandomIds, SystemClock
from services.router.adapters.caching.guard import RedisGuard
from services.router.adapters.caching.shared_shelf import RedisShelf
from services.router.adapters.caching.tally import CountingTally
from services.router.adapters.caching.write_behind import WriteBehind
from services.router.caching.claims import Claims, Found, Lead
from services.router.caching.ports import Taken
from services.router.caching.store import Store
from services.router.core.account import Outcome
from services.router.core.answer import Answer
from services.router.core.caching.entry import Entry
from services.router.core.caching.key import Key
from services.router.core.caching.shelf import Shelf
from tests.contract.router_cache.room import LONG
from tests.unit.router.requests import planned
from tests.unit.router.tries import attempt

WINDOW = timedelta(seconds=0.5)
SOON, LATE = timedelta(seconds=0.2), timedelta(seconds=5)
KEY = Key(tenant="acme", name="0f", proof="of this very call")
GIVEN = Answer(
    text="25 days",
    plan=planned(),
    call_id="call-1",
    provider="openai",
    model_version="v",
    attempts=(attempt("openai", Outcome.WON, 1),),
    started=1,
    truncated=False,
)


@dataclass
class Hands:
    """A clock that a test sets."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """Return the wall clock time."""
        return self.time

    def monotonic(self) -> float:
        """Return the same as seconds."""
        return self.time.timestamp()


class Watched(RedisShelf):
    """Tells when somebody waits for another's answer."""

    waiting: asyncio.Event

    async def consult(
        self, key: Key, token: str, *, joined: Sequence[str] = (), window: timedelta | None = None
    ) -> Entry | Taken | None:
        """Look, and tell."""
        seen = await super().consult(key, token, joined=joined, window=window)
        if isinstance(seen, Taken):
            self.waiting.set()
        return seen


@dataclass(frozen=True)
class Room:
    """What the replicas share, and one of them."""

    clock: Hands
    shelf: Watched
    writes: WriteBehind
    claims: Claims
    store: Store

    async def settle(self, after: timedelta, window: timedelta | None = WINDOW) -> Found | Lead:
        """Settle who asks for a call that begins so long after the first."""
        self.clock.time += after
        return await self.claims.settle(KEY, window)

    async def joins(self, after: timedelta, window: timedelta | None = WINDOW) -> "asyncio.Task[Found | Lead]":
        """Begin a call, and return when it waits for another's."""
        self.shelf.waiting.clear()
        waiting = asyncio.create_task(self.settle(after, window))
        async with asyncio.timeout(LONG):
            await self.shelf.waiting.wait()
        return waiting

    async def answer(self, lead: Found | Lead, took: timedelta, text: str = GIVEN.text) -> None:
        """Let the call of ``lead`` end well, now."""
        assert isinstance(lead, Lead)
        self.store.keep(KEY, replace(GIVEN, text=text), took, lasting=False, replaces=False, token=lead.token)
        await self.writes.flush()


@pytest.fixture
async def room(redis: Redis) -> Room:
    """Return a replica on an empty Valkey."""
    clock, tally, guard = Hands(), CountingTally(), RedisGuard(SystemClock(), timeout_s=LONG)
    writes = WriteBehind(redis, guard)
    shelf = Watched(redis, guard, writes, clock, lease_s=LONG)
    shelf.waiting = asyncio.Event()
    store = Store(
        memory=Shelf(entries=0, size=0, life=WINDOW),
        shared=shelf,
        tally=tally,
        clock=clock,
        draw=lambda: 1.0,
        life=LATE,
        window=WINDOW,
    )
    claims = Claims(shelf=shelf, tally=tally, clock=clock, ids=RandomIds(), renewal_s=LONG)
    return Room(clock=clock, shelf=shelf, writes=writes, claims=claims, store=store)


@pytest.mark.spec("RTR-06")
async def test_who_began_in_time_shares_however_long_the_call_takes(room: Room) -> None:
    """A model takes longer than the window: the one who waits gets its answer, and whoever comes then does not."""
    lead = await room.settle(timedelta())
    waiting = await room.joins(SOON)
    room.clock.time += LATE
    await room.answer(lead, took=SOON + LATE)
    shared = await waiting
    later = await room.settle(timedelta())

    assert isinstance(shared, Found)
    assert (shared.entry.text, shared.awaited) == ("25 days", True)
    assert isinstance(later, Lead)
    assert later.token


@pytest.mark.spec("RTR-06")
async def test_who_comes_too_late_waits_for_nobody_and_leads_those_who_follow(room: Room) -> None:
    """The late one asks at once and takes the claim over; each of both is followed by those who joined it."""
    first = await room.settle(timedelta())
    early = await room.joins(SOON)
    second = await room.settle(LATE)
    follower = await room.joins(SOON)
    await room.answer(first, took=LATE + 2 * SOON, text="of the first")
    served = [await early]
    await room.answer(second, took=SOON, text="of the second")
    served.append(await follower)

    assert [found.entry.text for found in served if isinstance(found, Found)] == ["of the first", "of the second"]


@pytest.mark.spec("RTR-06")
async def test_an_answer_that_lasts_is_waited_for_at_any_time(room: Room) -> None:
    """Where it will be good for long, nobody asks a second time."""
    await room.settle(timedelta(), window=None)
    waiting = await room.joins(LATE, window=None)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()


@pytest.mark.spec("RTR-06")
async def test_where_the_one_who_was_waited_for_fails_the_next_asks(room: Room) -> None:
    """Nothing is handed over, and the claim is free."""
    lead = await room.settle(timedelta())
    assert isinstance(lead, Lead)
    waiting = await room.joins(SOON)
    room.claims.give_up(KEY, lead)
    await room.writes.flush()

    assert isinstance(await waiting, Lead)
