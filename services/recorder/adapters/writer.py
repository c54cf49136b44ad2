"""Append evidence in PostgreSQL: one transaction for a batch, the head row as the lock."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

import asyncpg
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from services.chassis.postgres import guarded
from services.chassis.rows import rows_of
from services.recorder.adapters.bodies import BODY, BODY_TABLES, body_of
from services.recorder.core.batch import Entry, Plan, plan
from services.recorder.core.custody import Body
from services.recorder.core.merkle import Frontier, TreeError
from services.recorder.core.obligation import change
from services.recorder.ports import LogDivergedError, RejectedError, StaleKeysError, StoreFullError, Written

Connection = PoolConnectionProxy
Heads = Mapping[str, asyncpg.Record]
"""The heads of a tenant's logs, locked, by origin."""

# Every log of the tenant is locked, so that a retry across the turn of a half-year finds its key in the older log. The
# commit waits for the disk whatever became the default of a server that was durable when the recorder started.
LOCK = """
select log, origin, tenant, size, frontier,
  set_config('synchronous_commit', case current_setting('synchronous_commit')
             when 'remote_apply' then 'remote_apply' else 'on' end, true)
from head where tenant = $1 order by log for update"""
CREATE = "select open_log($1, $2)"
# Logs are always named, not found by a join: the server then opens, and locks, their tables alone.
KNOWN = "select log, seq from ev where log = any($1::bigint[]) and ik = any($2::text[])"
KNOWN_OF_LOG = f"""
select e.seq, e.ik, e.leaf, e.envelope, {BODY}
from ev e {BODY_TABLES} where e.log = $1 and e.seq = any($2::bigint[])"""  # noqa: S608 - constants
# One statement and one journey for all that a batch writes; its status tells whether the head was where it was read and
# every key is still there, and that nobody was erased since who has content in it. Erasure and rotation hold the same
# locks, so no key can perish between this and the COMMIT.
WRITE = """
with bodies as (
    insert into ev_body (log, seq, sealed, dek, personal)
    select $1, r.* from unnest($5::bigint[], $6::bytea[], $7::bytea[], $22::boolean[]) as r
), keys as (
    insert into dek (id, tenant_key, wrapped, subject, requester)
    select r.* from unnest($20::bytea[], $21::bigint[], $23::bytea[], $24::bytea[], $25::bytea[]) as r
    on conflict (id) do nothing
), nodes as (
    insert into node (log, level, number, hash)
    select $1, r.* from unnest($8::smallint[], $9::bigint[], $10::bytea[]) as r
), records as (
    insert into ev (log, seq, ik, leaf, envelope, kind, decision_id, content_type, occurred_at, recorded_at, intent)
    select $1, r.* from unnest($5::bigint[], $11::text[], $12::bytea[], $13::bytea[], $14::text[], $15::text[],
                               $16::text[], $17::timestamptz[], $18::timestamptz[], $19::text[]) as r
), blocks as (
    insert into block (log, number, first_at, last_at)
    select $1, r.seq / 4096, min(r.at), max(r.at)
    from unnest($5::bigint[], $18::timestamptz[]) as r (seq, at) group by 2
    on conflict (log, number) do update
    set first_at = least(block.first_at, excluded.first_at), last_at = greatest(block.last_at, excluded.last_at)
)
update head set size = $3, frontier = $4 where log = $1 and size = $2
  and not exists (select from dek where id = any($26::bytea[]) and wrapped is null)
  and not exists (
    select from unnest($27::bytea[], $28::timestamptz[]) as r (tag, at) join tombstone t using (tag)
    where r.at <= t.erased_at)
  and not exists (select from tenant_key where id = any($21::bigint[]) and wrapped is null)"""
CLOSE = "delete from obligation where tenant = $1 and ik = any($2::text[])"
# An outcome that came before its intent has closed it already.
OPEN = """
insert into obligation (tenant, ik, log, seq, opened_at)
select $1, r.ik, $2, r.seq, r.at from unnest($3::text[], $4::bigint[], $5::timestamptz[]) as r (ik, seq, at)
where not exists (
    select from ev where log = any($6::bigint[]) and intent = r.ik and intent <> '' and kind = 'OUTCOME')"""
SIZE = "select size from head where log = $1"


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
            StaleKeysError: a key that seals some record was destroyed meanwhile.
            StoreFullError: there is no room; nothing is written.
            LogDivergedError: an index would not follow its predecessor.
        """
        with guarded(), rows_of(tenant):
            async with self._pool.acquire() as connection, cut_off(connection, self._timeout_s):
                return await self._commit(connection, tenant, entries)

    async def _commit(self, connection: Connection, tenant: str, entries: Sequence[Entry]) -> dict[str, Written]:
        try:
            with storing():
                async with connection.transaction():
                    return await _write(connection, tenant, entries)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise RejectedError(f"PostgreSQL refused the records: {type(error).__name__}") from error


async def _write(connection: Connection, tenant: str, entries: Sequence[Entry]) -> dict[str, Written]:
    origin = entries[-1].origin
    heads = await lock(connection, tenant, origin)
    known = await find(connection, heads, [entry.key for entry in entries])
    fresh = await insert(connection, heads, origin, [entry for entry in entries if entry.key not in known])
    return fresh | known


async def lock(connection: Connection, tenant: str, origin: str) -> Heads:
    """Lock the tenant's logs and return their heads; create that of ``origin`` if it is missing."""
    heads = await connection.fetch(LOCK, tenant)
    if all(head["origin"] != origin for head in heads):
        await connection.execute(CREATE, origin, tenant)
        heads = await connection.fetch(LOCK, tenant)
    return {head["origin"]: head for head in heads}


async def find(connection: Connection, heads: Heads, keys: Sequence[str]) -> dict[str, Written]:
    """Return the records of these logs that have one of these idempotency keys."""
    places = defaultdict[int, list[int]](list)
    for row in await connection.fetch(KNOWN, _logs(heads), keys):
        places[row["log"]].append(row["seq"])
    origins = {head["log"]: origin for origin, head in heads.items()}
    found = dict[str, Written]()
    for log, indexes in places.items():
        rows = await connection.fetch(KNOWN_OF_LOG, log, indexes)
        found |= {row["ik"]: _found(origins[log], row) for row in rows}
    return found


async def insert(connection: Connection, heads: Heads, origin: str, entries: Sequence[Entry]) -> dict[str, Written]:
    """Append what has new keys to ``origin``, one of the locked logs; return where it stands.

    Raises:
        RejectedError: the head is damaged.
        StaleKeysError: a key was destroyed meanwhile, or somebody erased whose content of before this has.
        LogDivergedError: an index would not follow its predecessor.
    """
    head = heads[origin]
    planned = plan(_frontier(head), entries, ())
    if not planned.fresh:
        return {}
    log, after = head["log"], planned.frontier
    columns = (*_bodies(planned), *_nodes(planned), *_records(planned), *_keys(planned), *_persons(planned))
    status = await connection.execute(WRITE, log, planned.first_index, after.size, after.to_bytes(), *columns)
    if status != "UPDATE 1":
        if await connection.fetchval(SIZE, log) == planned.first_index:
            raise StaleKeysError
        raise LogDivergedError(f"log {log} was not at size {planned.first_index}")
    await _keep_open(connection, heads, head, planned)
    return _written(origin, planned)


async def _keep_open(connection: Connection, heads: Heads, head: asyncpg.Record, planned: Plan) -> None:
    """Bring the list of what is open up to date; most batches change nothing of it."""
    changed = change(planned.first_index, planned.fresh)
    if changed.closed:
        await connection.execute(CLOSE, head["tenant"], changed.closed)
    if changed.opened:
        indexes, intents = zip(*changed.opened, strict=True)
        columns = [entry.key for entry in intents], indexes, [entry.recorded_at for entry in intents]
        await connection.execute(OPEN, head["tenant"], head["log"], *columns, _logs(heads))


def _logs(heads: Heads) -> list[int]:
    return [head["log"] for head in heads.values()]


def _bodies(planned: Plan) -> Iterator[list[object]]:
    yield list(range(planned.first_index, planned.frontier.size))
    yield [entry.sealed for entry in planned.fresh]
    yield [entry.data_key.id for entry in planned.fresh]


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
    yield [entry.intent for entry in fresh]


def _frontier(head: asyncpg.Record) -> Frontier:
    """Read a head; a damaged one must stop its own tenant, not all."""
    try:
        return Frontier.from_bytes(head["size"], head["frontier"])
    except TreeError as error:
        raise RejectedError(f"the head of {head['origin']} is damaged") from error


def _keys(planned: Plan) -> Iterator[list[object]]:
    """Yield each data key once, and which of them may have been there before."""
    keys = {entry.data_key.id: entry.data_key for entry in planned.fresh}.values()
    yield [key.id for key in keys]
    yield [key.tenant_key for key in keys]
    yield [bool(entry.data_key.subject) for entry in planned.fresh]
    yield [key.wrapped for key in keys]
    yield [key.subject or None for key in keys]
    yield [key.requester or None for key in keys]
    yield [key.id for key in keys if key.subject]


def _persons(planned: Plan) -> Iterator[list[object]]:
    """Yield whose content happened before now, and when at the earliest; what happens now no erasure has met."""
    earliest = dict[bytes, datetime]()
    for entry in planned.fresh:
        if entry.occurred_at != entry.recorded_at:
            for tag in entry.data_key.tags:
                earliest[tag] = min(entry.occurred_at, earliest.get(tag, entry.occurred_at))
    yield list(earliest)
    yield list(earliest.values())


def _written(origin: str, planned: Plan) -> dict[str, Written]:
    return {
        entry.key: Written(
            origin=origin,
            index=index,
            leaf=entry.leaf,
            envelope=entry.envelope,
            body=Body(sealed=entry.sealed, key=entry.data_key),
            already_recorded=False,
        )
        for index, entry in enumerate(planned.fresh, start=planned.first_index)
    }


def _found(origin: str, row: asyncpg.Record) -> Written:
    return Written(
        origin=origin,
        index=row["seq"],
        leaf=row["leaf"],
        envelope=row["envelope"],
        body=body_of(row),
        already_recorded=True,
    )


@contextmanager
def storing() -> Iterator[None]:
    """Tell a store without room from one that is away.

    Raises:
        StoreFullError: there is no room.
    """
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise StoreFullError from error


@asynccontextmanager
async def cut_off(connection: Connection, timeout_s: float) -> AsyncIterator[None]:
    """Break the connection after ``timeout_s``: a frozen server answers neither a statement nor its cancellation."""
    alarm = asyncio.get_running_loop().call_later(timeout_s, connection.terminate)
    try:
        yield
    finally:
        alarm.cancel()
