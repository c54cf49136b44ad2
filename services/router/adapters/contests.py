"""Contests in PostgreSQL: each score is one transaction, in which it is logged, counted and, where due, acted on."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

import asyncpg

from services.chassis.errors import Kind, WorldError
from services.chassis.postgres import guarded
from services.router.adapters import rows
from services.router.core.champion.change import Recorded
from services.router.core.champion.contest import Contest
from services.router.core.champion.report import Arena, Report
from services.router.ports import Amendment, Page, Reading, Step

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

_LOCK = "select * from champion where (tenant, domain, task) = ($1, $2, $3) for update"
_BEGIN = "insert into champion (tenant, domain, task) values ($1, $2, $3) on conflict do nothing"
_READ = "select * from champion where (tenant, domain, task) = ($1, $2, $3)"
_TRACKS = "select * from standing where (tenant, domain, task) = ($1, $2, $3)"
_HISTORY = "select * from champion_change where (tenant, domain, task) = ($1, $2, $3) order by version desc limit 50"
_SCORES = "select * from score where (tenant, domain, task) = ($1, $2, $3) and version > $4 order by version limit $5"
_COUNTED = "select version from score where tenant = $1 and decision_id = $2"
_SCORE = """
insert into score (tenant, domain, task, version, decision_id, model, score, propensity, champion_version,
                   heuristic, fell_back, at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (tenant, decision_id) do nothing
"""
_SWAP = """
update champion
set version = $5, champion = $6, former = $7, last = $8, changed_at = $9, peak = $10, probations = $11, probation = $12
where (tenant, domain, task) = ($1, $2, $3) and version = $4
"""
_STANDING = """
insert into standing (tenant, domain, task, model, ema, count, recent, confidence)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (tenant, domain, task, model) do update
set ema = excluded.ema, count = excluded.count, recent = excluded.recent, confidence = excluded.confidence
"""
_CHANGE = """
insert into champion_change (tenant, domain, task, version, change_id, kind, champion, previous, actor, reason, risk,
                             figures, at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_NEWER = """
select c.*, s.model, s.ema, s.count, s.recent, s.confidence
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as k (tenant, domain, task, known)
join champion c using (tenant, domain, task)
left join standing s using (tenant, domain, task)
where c.version <> k.known
"""
_NO_ROW = "INSERT 0 0"
_NONE_SWAPPED = "UPDATE 0"
_LETTER = "insert into outbox (letter_id, tenant, body) values ($1, $2, $3)"

_Connection: TypeAlias = "asyncpg.Connection | PoolConnectionProxy"


class PostgresContests:
    """Implements the Contests port.

    Args:
        pool: Connections of the room's own schema.
        letter: Returns what tells the evidence log of a change; it is written in the transaction of the change.
    """

    def __init__(self, pool: asyncpg.Pool, *, letter: Callable[[Arena, Recorded], bytes]) -> None:
        self._pool = pool
        self._letter = letter
        self._locks: WeakValueDictionary[Arena, asyncio.Lock] = WeakValueDictionary()

    async def amend(self, arena: Arena, step: Step) -> Amendment | None:
        """Write what ``step`` makes of the contest; None where its report was counted before."""
        # Writers of this process wait here, not each with a connection in hand that others need.
        async with self._locks.setdefault(arena, asyncio.Lock()):
            try:
                with guarded():
                    async with self._pool.acquire() as connection, connection.transaction():
                        return await self._amend(connection, arena, step)
            except _CountedBefore:
                return None

    async def counted(self, tenant: str, decision_id: str) -> int | None:
        """Return the version that the score of a decision made; None where it was not counted."""
        with guarded():
            version: int | None = await self._pool.fetchval(_COUNTED, tenant, decision_id)
        return version

    async def read(self, arena: Arena, page: Page | None = None) -> Reading:
        """Return one consistent reading, with one page of scores where it is asked for."""
        place = _place(arena)
        with guarded():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                row = await connection.fetchrow(_READ, *place)
                if row is None:
                    return Reading(contest=Contest())
                tracks = await connection.fetch(_TRACKS, *place)
                history = await connection.fetch(_HISTORY, *place)
                scores = await connection.fetch(_SCORES, *place, page.after, page.size) if page else []
        return Reading(
            contest=rows.contest(row, tracks),
            history=tuple(rows.recorded(change) for change in history),
            scores=tuple(rows.scored(score) for score in scores),
        )

    async def newer(self, known: Mapping[Arena, int]) -> Mapping[Arena, Contest]:
        """Return the contests of ``known`` whose version is another now, in one statement."""
        places = [_place(arena) for arena in known]
        columns = [list(column) for column in zip(*places, strict=True)]
        with guarded():
            found = await self._pool.fetch(_NEWER, *columns, list(known.values()))
        return rows.contests(found)

    async def _amend(self, connection: _Connection, arena: Arena, step: Step) -> Amendment:
        place = _place(arena)
        before = await _locked(connection, place)
        amendment = step(before)
        after = amendment.contest
        if amendment.report:
            await _log(connection, place, amendment.report, after.version)
        if after != before:
            await _replace(connection, place, before, after)
        if change := amendment.recorded:
            await connection.execute(_CHANGE, *place, *rows.of_change(change))
            await connection.execute(_LETTER, change.change_id, arena.tenant, self._letter(arena, change))
        return amendment


class _CountedBefore(Exception):  # noqa: N818 - it rolls the transaction back; nothing is wrong
    """The decision's score is in the log already."""


async def _locked(connection: _Connection, place: rows.Place) -> Contest:
    """Return the contest, its row locked until the transaction ends."""
    row = await connection.fetchrow(_LOCK, *place)
    if row is None:
        await connection.execute(_BEGIN, *place)
        row = await connection.fetchrow(_LOCK, *place)
    if row is None:
        raise AssertionError("the row was written a moment ago, and nobody may delete it")
    # Not joined to the statement that locks: it would show the tracks as they were before it waited.
    return rows.contest(row, await connection.fetch(_TRACKS, *place))


async def _log(connection: _Connection, place: rows.Place, report: Report, version: int) -> None:
    if await connection.execute(_SCORE, *place, version, *rows.of_report(report)) == _NO_ROW:
        raise _CountedBefore


async def _replace(connection: _Connection, place: rows.Place, before: Contest, after: Contest) -> None:
    """Compare and swap: the lock makes writers wait, the version proves that none came between all the same."""
    if await connection.execute(_SWAP, *place, before.version, *rows.of_contest(after)) == _NONE_SWAPPED:
        raise WorldError(Kind.ABORTED, "WRITE_CONFLICT", "another writer changed the champion; repeat the call")
    changed = [track for track in after.tracks if track not in before.tracks]
    await connection.executemany(_STANDING, [(*place, *rows.of_track(track)) for track in changed])


def _place(arena: Arena) -> rows.Place:
    return arena.tenant, arena.domain.value, arena.task.value
