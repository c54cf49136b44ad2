"""What champions cost: a look at the standings from memory beside a query for each, scores counted, and agreement.

Every score is a durable transaction of its own under the lock of its arena: arenas count side by side, the scores of
one arena take turns. PostgreSQL and the writers share the machine; all figures come from one run.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median

from services.chassis.clock import RandomIds, SystemClock
from services.router.adapters.board import Board
from services.router.adapters.contests import PostgresContests
from services.router.adapters.evidence import letter
from services.router.championing.championship import Championship, Wish
from services.router.core.champion.contest import Rules
from services.router.core.champion.report import Arena, Report
from services.router.core.request import Domain, Task
from tools.bench.database import scratch_pool
from tools.bench.table import table

LOOKS, SCORES, AT_ONCE = 5_000, 1_500, 64
CHANGES, REFRESH_S = 20, 0.5
WARM_UP = 50
MODELS = ("small", "large", "other")
_MICRO = 1e6


def main() -> None:
    """Measure, print."""
    with tempfile.TemporaryDirectory(prefix="champion-") as scratch:
        os.chmod(scratch, 0o755)  # noqa: PTH101, S103 - PostgreSQL's own account must get in
        asyncio.run(_run(Path(scratch)))


async def _run(root: Path) -> None:
    async with scratch_pool(root / "state", "router") as pool:
        contests = PostgresContests(pool, letter=letter)
        board = Board(contests, interval_s=REFRESH_S)
        scoring = _Scoring(contests, board)
        await scoring.run(WARM_UP, callers=1, arenas=1)
        alone = await scoring.run(SCORES // 3, callers=1, arenas=1)
        together = await scoring.run(SCORES, callers=AT_ONCE, arenas=1)
        apart = await scoring.run(SCORES, callers=AT_ONCE, arenas=8)
        queried = await _looks(LOOKS // 5, lambda: contests.read(_arena(0)))
        remembered = await _looks(LOOKS, lambda: board.standings(_arena(0)))
        agreed = await _agreements(contests)
    print("a look at the standings")
    looks = {"a query each": queried, "memory": remembered}
    print(table(("us", "a second"), {name: (cost, _MICRO / cost) for name, cost in looks.items()}))
    print("scores counted")
    counted = {"one caller": alone, f"{AT_ONCE} callers, 1 arena": together, f"{AT_ONCE} callers, 8 arenas": apart}
    print(table(("a second",), {name: (rate,) for name, rate in counted.items()}))
    print(f"{CHANGES} changes by one of three replicas; seconds until both others know: ", end="")
    print(f"median {median(agreed):.2f}, longest {max(agreed):.2f}; less than 2 are asked for")


class _Scoring:
    """Reports scores, each of a decision of its own."""

    def __init__(self, contests: PostgresContests, board: Board) -> None:
        self._numbers = count()
        self._championship = Championship(
            contests=contests,
            rules=Rules(models=frozenset(MODELS)),
            announcers=(board,),
            clock=SystemClock(),
            ids=RandomIds(),
        )

    async def run(self, scores: int, *, callers: int, arenas: int) -> float:
        """Return the scores that were counted in a second."""
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for caller in range(callers):
                group.create_task(self._report(scores // callers, _arena(caller % arenas)))
        return scores // callers * callers / (time.perf_counter() - begun)

    async def _report(self, scores: int, arena: Arena) -> None:
        for _ in range(scores):
            number = next(self._numbers)
            report = Report(
                decision_id=f"d-{number}",
                model=MODELS[number % len(MODELS)],
                score=number % 7 / 7,
                propensity=0.5,
                champion_version=1,
                heuristic=False,
                fell_back=False,
                at=datetime.now(UTC),
            )
            await self._championship.report(arena, report)


async def _agreements(contests: PostgresContests) -> list[float]:
    """Return the seconds after each change until the boards of two other replicas have it."""
    writer, *others = (Board(contests, interval_s=REFRESH_S) for _ in range(3))
    rules = Rules(models=frozenset(MODELS))
    championship = Championship(
        contests=contests, rules=rules, announcers=(writer,), clock=SystemClock(), ids=RandomIds()
    )
    arena, took = _arena(0), []
    watching = [asyncio.create_task(board.watch()) for board in others]
    for number in range(CHANGES):
        before = (await championship.read(arena)).contest.champion
        model = next(name for name in MODELS if name != before)
        said = await championship.promote(arena, Wish(model=model, by="bench", reason=f"change {number}"))
        begun = time.perf_counter()
        while not all([await _knows(board, arena, said.version) for board in others]):  # noqa: ASYNC110 - as a caller
            await asyncio.sleep(0.002)
        took.append(time.perf_counter() - begun)
    for task in watching:
        task.cancel()
    return took


async def _knows(board: Board, arena: Arena, version: int) -> bool:
    standings = await board.standings(arena)
    return standings is not None and standings.version >= version


async def _looks(looks: int, look: Callable[[], Awaitable[object]]) -> float:
    """Return the microseconds of one look."""
    await look()
    begun = time.perf_counter()
    for _ in range(looks):
        await look()
    return (time.perf_counter() - begun) / looks * _MICRO


def _arena(number: int) -> Arena:
    return Arena(tenant=f"tenant-{number}", domain=Domain.GENERAL, task=Task.ANALYSIS)
