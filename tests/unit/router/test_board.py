"""Routing reads memory: fresh soon, never older than before, never held up for long."""

import asyncio

import pytest

from services.chassis.errors import unavailable
from services.router.adapters import board as module
from services.router.adapters.board import Board
from services.router.core.champion.report import Arena
from services.router.core.request import Domain, Task
from services.router.core.standing import Standings
from services.router.ports import Amendment
from tests.fakes.contests import FakeContests
from tests.unit.router.champion import play

ARENA = Arena(tenant="acme", domain=Domain.GENERAL, task=Task.ANALYSIS)
ONE, _ = play([("a", 0.5)])
TWO, _ = play([("a", 0.5), ("b", 0.9)])


def leader(standings: Standings | None) -> tuple[str, int]:
    """Return the champion and the version."""
    assert standings
    assert standings.champion
    return standings.champion.model, standings.version


@pytest.mark.spec("RTR-11", "RTR-24")
async def test_the_first_look_reads_and_the_next_do_not() -> None:
    """Callers who come together share one read; after it memory answers."""
    contests = FakeContests(kept={ARENA: ONE})
    board = Board(contests, interval_s=1)
    looks = await asyncio.gather(*(board.standings(ARENA) for _ in range(20)))
    again = await board.standings(ARENA)

    assert {leader(look) for look in (*looks, again)} == {("a", 1)}
    assert contests.reads == 1


@pytest.mark.spec("RTR-11")
async def test_a_refresh_shows_what_another_replica_wrote() -> None:
    """A reading that a plan has is not changed under it: it stays of one version."""
    contests = FakeContests(kept={ARENA: ONE})
    board = Board(contests, interval_s=1)
    held = await board.standings(ARENA)
    contests.kept[ARENA] = TWO
    assert leader(await board.standings(ARENA)) == ("a", 1)
    await board.refresh()

    assert leader(await board.standings(ARENA)) == ("a", 2)
    assert leader(held) == ("a", 1)
    assert held
    assert held.challengers == ()


async def test_an_arena_without_a_score_is_nobodys_until_it_has_one() -> None:
    """None is known as well: it is not asked for again by each call."""
    contests = FakeContests()
    board = Board(contests, interval_s=1)
    assert [await board.standings(ARENA) for _ in range(5)] == [None] * 5
    assert contests.reads == 1
    contests.kept[ARENA] = ONE
    await board.refresh()

    assert leader(await board.standings(ARENA)) == ("a", 1)


async def test_what_this_process_wrote_is_shown_at_once_and_not_undone() -> None:
    """A slow read that began before the write arrives after it, and is older."""
    contests = FakeContests(kept={ARENA: ONE})
    board = Board(contests, interval_s=1)
    await board.standings(ARENA)
    contests.slow = True
    refreshing = asyncio.create_task(board.refresh())
    await asyncio.sleep(0)
    board.amended(ARENA, Amendment(contest=TWO))
    assert leader(await board.standings(ARENA)) == ("a", 2)
    contests.open.set()
    await refreshing

    assert leader(await board.standings(ARENA)) == ("a", 2)


@pytest.mark.spec("RTR-11")
async def test_a_store_that_is_away_leaves_the_last_reading() -> None:
    """Plans go on; without any reading the configuration decides; afterwards all is read."""
    contests = FakeContests(kept={ARENA: ONE})
    board = Board(contests, interval_s=1)
    await board.standings(ARENA)
    contests.failure = unavailable("STORE_UNAVAILABLE", "it is down")
    other = Arena(tenant="else", domain=Domain.GENERAL, task=Task.ANALYSIS)
    contests.kept[other] = TWO
    await board.refresh()
    assert leader(await board.standings(ARENA)) == ("a", 1)
    assert await board.standings(other) is None
    contests.failure = None

    assert leader(await board.standings(other)) == ("a", 2)


async def test_a_slow_store_holds_up_no_plan_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look gives up; what it asked for is there when it arrives."""
    monkeypatch.setattr(module, "FIRST_LOOK_S", 0.01)
    contests = FakeContests(kept={ARENA: ONE}, slow=True)
    board = Board(contests, interval_s=1)
    assert await board.standings(ARENA) is None
    contests.open.set()
    contests.slow = False

    assert leader(await board.standings(ARENA)) == ("a", 1)


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arena that was longest not asked for makes room, and is read again when it is."""
    monkeypatch.setattr(module, "MAX_ARENAS", 2)
    arenas = [Arena(tenant=f"t-{number}", domain=Domain.GENERAL, task=Task.ANALYSIS) for number in range(3)]
    contests = FakeContests(kept=dict.fromkeys(arenas, ONE))
    board = Board(contests, interval_s=1)
    for arena in (*arenas[:2], arenas[0], arenas[2]):
        await board.standings(arena)
    assert contests.reads == 3
    await board.standings(arenas[0])
    assert contests.reads == 3, "it was asked for more lately"
    await board.standings(arenas[1])
    assert contests.reads == 4


async def test_a_watched_board_refreshes_by_itself() -> None:
    """After each interval, until it is cancelled."""
    contests = FakeContests(kept={ARENA: ONE})
    board = Board(contests, interval_s=0.001)
    await board.standings(ARENA)
    watching = asyncio.create_task(board.watch())
    contests.kept[ARENA] = TWO
    async with asyncio.timeout(10):
        while leader(await board.standings(ARENA)) != ("a", 2):  # noqa: ASYNC110 - the board tells nobody
            await asyncio.sleep(0.001)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
