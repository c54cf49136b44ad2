"""Append evidence in PostgreSQL: one transaction for a batch, the head row as the lock."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from services.chassis.postgres import guarded
from services.recorder.core.batch import Entry, Plan, plan
from services.recorder.core.merkle import Frontier, TreeError
from services.recorder.ports import LogDivergedError, RejectedError, Written

Connection = PoolConnectionProxy

# Every log of the tenant is locked, so that a retry across the turn of a half-year finds its key in the older log. The
# commit waits for the disk whatever the server's default is.
LOCK = """
select log, origin, size, frontier, set_config('synchronous_commit', 'on', true)
from head where tenant = $1 order by log for update"""
CREATE = "insert into head (origin, tenant) values ($1, $2) on conflict (origin) do nothing"
KNOWN = """
select h.origin, e.seq, e.ik, e.leaf, e.envelope, b.sealed
from head h join ev e using (log) join ev_body b using (log, seq)
where h.tenant = $1 and e.ik = any($2::text[])"""
# One statement and one journey for all that a batch writes; its status tells whether the head was where it was read.
WRITE = """
with bodies as (
    insert into ev_body (log, seq, sealed, subject_id)
    select $1, r.* from unnest($5::bigint[], $6::bytea[], $7::text[]) as r
), nodes as (
    insert into node (log, level, number, hash)
    select $1, r.* from unnest($8::smallint[], $9::bigint[], $10::bytea[]) as r
), records as (
    insert into ev (log, seq, ik, leaf, envelope, kind, decision_id, content_type, occurred_at, recorded_at)
    select $1, r.* from unnest($5::bigint[], $11::text[], $12::bytea[], $13::bytea[], $14::text[], $15::text[],
                               $16::text[], $17::timestamptz[], $18::timestamptz[]) as r
)
update head set size = $3, frontier = $4 where log = $1 and size = $2"""


class PostgresWriter:
    """Writes batches; safe with any number of recorder processes, which take turns on the head row."""

    def __init__(self, pool: Pool, *, timeout_s: float) -> None:
        self._pool = pool
        self._timeout_s = timeout_s

    async def append(self, tenant: str, entries: Sequence[Entry]) -> Mapping[str, Written]:
        """Write what is new of ``entries`` in one transaction and return every key's record after COMMIT.

        Raises:
            WorldError: STORE_UNAVAILABLE; the write may have happened, repeat it.
            RejectedError: PostgreSQL refuses the content of some record, or the tenant's log is damaged.
            RejectedError: PostgreSQL refuses the content of some record, or the tenant's log is damaged.
            LogDivergedError: an index would not follow its predecessor.
        """
        with guarded():
            async with self._pool.acquire() as connection, _cut_off(connection, self._timeout_s):
                return await self._commit(connection, tenant, entries)

    async def _commit(self, connection: Connection, tenant: str, entries: Sequence[Entry]) -> dict[str, Written]:
        try:
            async with connection.transaction():
                return await self._write(connection, tenant, entries)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise RejectedError(f"PostgreSQL refused the records: {type(error).__name__}") from error

    async def _write(self, connection: Connection, tenant: str, entries: Sequence[Entry]) -> dict[str, Written]:
        origin = entries[-1].origin
        heads = await self._lock(connection, tenant, origin)
        known = await connection.fetch(KNOWN, tenant, [entry.key for entry in entries])
        head = next(head for head in heads if head["origin"] == origin)
        planned = plan(_frontier(head), entries, {row["ik"] for row in known})
        if planned.fresh:
            await self._insert(connection, head["log"], planned)
        return _written(origin, planned, known)

    async def _lock(self, connection: Connection, tenant: str, origin: str) -> list[asyncpg.Record]:
        heads = await connection.fetch(LOCK, tenant)
        if all(head["origin"] != origin for head in heads):
            await connection.execute(CREATE, origin, tenant)
            heads = await connection.fetch(LOCK, tenant)
        return heads

    async def _insert(self, connection: Connection, log: int, planned: Plan) -> None:
        after = planned.frontier
        columns = (*_bodies(planned), *_nodes(planned), *_records(planned))
        status = await connection.execute(WRITE, log, planned.first_index, after.size, after.to_bytes(), *columns)
        if status != "UPDATE 1":
            raise LogDivergedError(f"log {log} was not at size {planned.first_index}")


def _bodies(planned: Plan) -> Iterator[list[object]]:
    yield list(range(planned.first_index, planned.frontier.size))
    yield [entry.sealed for entry in planned.fresh]
    yield [entry.subject_id for entry in planned.fresh]


def _nodes(planned: Plan) -> Iterator[list[object]]:
    yield [node.level for node in planned.nodes]
    yield [node.number for node in planned.nodes]
    yield [node.hash for node in planned.nodes]


def _records(planned: Plan) -> Iterator[list[object]]:
    fresh = planned.fresh
    yield [entry.key for entry in fresh]
    yield [entry.leaf for entry in fresh]
    yield [entry.envelope for entry in fresh]
    yield [entry.kind for entry in fresh]
    yield [entry.decision_id for entry in fresh]
    yield [entry.content_type for entry in fresh]
    yield [entry.occurred_at for entry in fresh]
    yield [entry.recorded_at for entry in fresh]


def _frontier(head: asyncpg.Record) -> Frontier:
    """Read a head; a damaged one must stop its own tenant, not all."""
    try:
        return Frontier.from_bytes(head["size"], head["frontier"])
    except TreeError as error:
        raise RejectedError(f"the head of {head['origin']} is damaged") from error


def _written(origin: str, planned: Plan, known: Sequence[asyncpg.Record]) -> dict[str, Written]:
    written = {
        entry.key: Written(
            origin=origin,
            index=index,
            leaf=entry.leaf,
            envelope=entry.envelope,
            sealed=entry.sealed,
            already_recorded=False,
        )
        for index, entry in enumerate(planned.fresh, start=planned.first_index)
    }
    for row in known:
        written[row["ik"]] = Written(
            origin=row["origin"],
            index=row["seq"],
            leaf=row["leaf"],
            envelope=row["envelope"],
            sealed=row["sealed"],
            already_recorded=True,
        )
    return written


@asynccontextmanager
async def _cut_off(connection: Connection, timeout_s: float) -> AsyncIterator[None]:
    """Break the connection after ``timeout_s``: a frozen server answers neither a statement nor its cancellation."""
    alarm = asyncio.get_running_loop().call_later(timeout_s, connection.terminate)
    try:
        yield
    finally:
        alarm.cancel()
