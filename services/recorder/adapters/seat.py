"""The publisher's seat in PostgreSQL: one session that holds an advisory lock, and does all of its work by itself.

A publisher whose session ended has lost the seat and cannot store what it may still have signed.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime

import asyncpg
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from services.chassis.errors import unavailable
from services.chassis.log import get_logger
from services.chassis.postgres import RETRY_AFTER_S, guarded
from services.recorder.adapters.checkpoints import BELL, NEWEST, SIGNED, signed_of
from services.recorder.adapters.reader import head_of
from services.recorder.adapters.tiles import fetch_tiles
from services.recorder.core.audit import Record
from services.recorder.core.merkle import Growth, Node
from services.recorder.core.meta import MetaEntry
from services.recorder.core.note import Checkpoint
from services.recorder.core.proof import Tile, Tiles
from services.recorder.core.remains import Remains
from services.recorder.core.retention import announcement_key as retention_key
from services.recorder.core.succession import announcement_key
from services.recorder.ports import Head, SignedCheckpoint
from services.recorder.publisher.ports import Announcement, Finding

SEAT = 5_403_772
"""Key of the advisory lock; any number that nothing else uses."""
STANDBY_S = 1.0
"""How often a publisher that stands by asks whether the seat is free."""
TAKE = "select pg_try_advisory_lock($1)"
LEAVE = "select pg_advisory_unlock($1)"
# What the memory says is stored must survive a crash of the server, whatever became its default.
DURABLY = """
select set_config('synchronous_commit', case current_setting('synchronous_commit')
                  when 'remote_apply' then 'remote_apply' else 'on' end, false)"""
GROWN = """
select log from head
where size <> coalesce((select max(c.size) from checkpoint c where c.log = head.log), 0) order by log"""
LOGS = "select log from head where size > 0 order by log"
FINDINGS = "select log, first_bad, problem, found_at from finding order by log"
HEAD = "select log, origin, tenant, size, frontier from head where log = $1"
RECORDS = "select seq, leaf, envelope from ev where log = $1 and seq >= $2 and seq < $3 order by seq"
ANNOUNCEMENT = "select seq as index, envelope from ev where log = $1 and ik = $2"
REMAINS = """
select e.seq as index, sha256(b.sealed) as digest, coalesce(b.sealed = '', false) as emptied,
  b.dek is not null as keyed, k.id is not null as known, k.destroyed_at is not null as destroyed, x.envelope as erasure
from ev e
left join ev_body b on b.log = e.log and b.seq = e.seq
left join dek k on k.id = b.dek
left join lateral erasure(k.erased_log, k.erased_seq) x on true
where e.log = $1 and e.seq >= $2 and e.seq < $3 order by e.seq"""
SHELVED = """
select to_regclass(format('ev_body_%s', $1::bigint)) is not null
  or not exists (select from ev join head using (log) where head.tenant = $2 and ev.ik = $3)"""
# The last leaf of the node number n of level k is ((n + 1) << k) - 1.
NODES = """
select n.level, n.number, n.hash
from generate_series(8, 48, 8) as k
join node n on n.log = $1 and n.level = k
  and n.number >= ($2::bigint + (1::bigint << k)) / (1::bigint << k) - 1
  and n.number < $3::bigint / (1::bigint << k)"""
CHECKPOINTS = f"""
select {SIGNED} from checkpoint c join head h using (log)
where c.log = $1 and c.size > $2 and c.size <= $3 order by c.size"""  # noqa: S608 - constants
LOG_ID = "select log from head where origin = $1"
UNSIGHTED = """
select h.origin, c.size, c.root
from head h
join lateral (select size, root from checkpoint where log = h.log order by size desc limit 1) c on true
where h.tenant <> '' and not exists (select from sighting s where s.origin = h.origin and s.size = c.size)
order by h.log limit $1"""
WITNESSED = "select coalesce(max(size), 0) from witnessed where log = $1"
APPEND_META = "select append_meta($1, $2, $3, $4, $5::text[], $6::bytea[], $7::smallint[], $8::bigint[], $9::bytea[])"
WITNESS = "insert into witnessed (log, size, note, witnessed_at) values ($1, $2, $3, $4) on conflict do nothing"
# By the chain's unique index, too, a second checkpoint upon the same one is a conflict.
PUBLISH = """
insert into checkpoint (log, size, root, note, signed_at, previous)
select $1, $2, $3, $4, $5, $6
where coalesce((select max(size) from checkpoint where log = $1), 0) = $6
on conflict do nothing"""
REPORT = """
insert into finding (log, first_bad, problem, found_at) values ($1, $2, $3, $4) on conflict (log) do nothing"""

_log = get_logger("recorder.seat")


class PostgresLedger:
    """Opens sessions: any number that read, one at a time that signs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def logs(self) -> AsyncIterator["PostgresLogs"]:
        """Open the logs for reading.

        Raises:
            WorldError: the store is away.
        """
        async with self._session() as connection:
            yield PostgresLogs(connection)

    @asynccontextmanager
    async def seat(self) -> AsyncIterator["PostgresSeat"]:
        """Wait for the seat and hold it.

        Raises:
            WorldError: the store is away.
        """
        async with self._session() as connection:
            seat = PostgresSeat(connection)
            try:
                await seat.take()
                yield seat
            finally:
                await seat.leave()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[PoolConnectionProxy]:
        with guarded():
            connection = await self._pool.acquire()
        try:
            yield connection
        finally:
            await self._pool.release(connection)


class PostgresLogs:
    """The logs in one session."""

    def __init__(self, connection: PoolConnectionProxy) -> None:
        self._connection = connection

    async def logs(self) -> Sequence[int]:
        """Return every log that has a record."""
        return [row["log"] for row in await self._fetch(LOGS)]

    async def findings(self) -> Sequence[Finding]:
        """Return what was found wrong so far."""
        return [Finding(**row) for row in await self._fetch(FINDINGS)]

    async def head_of(self, log: int) -> Head:
        """Return one log as it is now.

        Raises:
            TreeError: its head contradicts itself.
        """
        (row,) = await self._fetch(HEAD, log)
        return head_of(row)

    async def records(self, log: int, start: int, stop: int) -> Sequence[Record]:
        """Return the records from ``start`` to before ``stop``."""
        return [tuple(row) for row in await self._fetch(RECORDS, log, start, stop)]

    async def announcement(self, head: Head, public_key: bytes) -> Announcement | None:
        """Return the record of a log that may announce a key; what it says is to be looked at."""
        rows = await self._fetch(ANNOUNCEMENT, head.log, announcement_key(public_key, head.origin))
        return Announcement(**rows[0]) if rows else None

    async def remains(self, log: int, start: int, stop: int) -> Sequence[Remains]:
        """Return what is stored of the bodies of the records from ``start`` to before ``stop``."""
        return [Remains(**row) for row in await self._fetch(REMAINS, log, start, stop)]

    async def shelved(self, head: Head) -> bool:
        """Return whether the bodies of a log are kept; they are not where their retention is over, and on record."""
        ((kept,),) = await self._fetch(SHELVED, head.log, head.tenant, retention_key(head.origin))
        return bool(kept)

    async def nodes(self, log: int, start: int, stop: int) -> Collection[Node]:
        """Return the stored nodes whose last leaf is from ``start`` to before ``stop``."""
        return [Node(**row) for row in await self._fetch(NODES, log, start, stop)]

    async def tiles(self, log: int, wanted: Collection[Tile]) -> Tiles:
        """Return the stored hashes of each tile; one of which nothing is stored is missing."""
        with in_session():
            return await fetch_tiles(self._connection, log, wanted)

    async def newest(self, log: int) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""
        rows = await self._fetch(NEWEST, log)
        return signed_of(rows[0]) if rows else None

    async def checkpoints(self, log: int, above: int, upto: int) -> Sequence[SignedCheckpoint]:
        """Return the checkpoints of these sizes, in their order."""
        return [signed_of(row) for row in await self._fetch(CHECKPOINTS, log, above, upto)]

    async def log_id(self, origin: str) -> int | None:
        """Return a log by its name."""
        rows = await self._fetch(LOG_ID, origin)
        return rows[0]["log"] if rows else None

    async def unsighted(self, limit: int) -> Sequence[Checkpoint]:
        """Return newest checkpoints of tenants' logs that the meta-log does not hold yet."""
        return [Checkpoint(**row) for row in await self._fetch(UNSIGHTED, limit)]

    async def witnessed_size(self, log: int) -> int:
        """Return the size of the newest checkpoint of the meta-log that enough witnesses have cosigned; 0 for none."""
        ((size,),) = await self._fetch(WITNESSED, log)
        return int(size)

    async def report(self, finding: Finding) -> None:
        """Store what was found wrong; the first finding of a log stays."""
        row = finding.log, finding.first_bad, finding.problem, finding.found_at
        with in_session():
            await self._connection.execute(REPORT, *row)

    async def _fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        with in_session():
            return await self._connection.fetch(statement, *values)


class PostgresSeat(PostgresLogs):
    """The session of the one publisher."""

    def __init__(self, connection: PoolConnectionProxy) -> None:
        super().__init__(connection)
        self._rung = asyncio.Event()

    async def take(self) -> None:
        """Return once the seat is this session's."""
        with in_session():
            await self._connection.execute(DURABLY)
            await self._connection.add_listener(BELL, self._hear)
            self._connection.add_termination_listener(self._hear)
            waited = False
            while not await self._connection.fetchval(TAKE, SEAT):
                if not waited:
                    _log.info("standing_by")
                waited = True
                await asyncio.sleep(STANDBY_S)

    async def leave(self) -> None:
        """Give the seat back; a session that is gone has given it back already."""
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            if not self._connection.is_closed():
                self._connection.remove_termination_listener(self._hear)
                await self._connection.remove_listener(BELL, self._hear)
                await self._connection.execute(LEAVE, SEAT)

    async def grown(self) -> Sequence[int]:
        """Return the logs whose newest checkpoint is not of their present size."""
        return [row["log"] for row in await self._fetch(GROWN)]

    async def publish(self, log: int, signed: SignedCheckpoint, previous: int) -> bool:
        """Store a checkpoint on top of that of size ``previous`` (0: the first); False where another one is there."""
        made = signed.checkpoint
        row = log, made.size, made.root, signed.note, signed.signed_at, previous
        with in_session():
            return bool(await self._connection.execute(PUBLISH, *row) == "INSERT 0 1")

    async def append_meta(self, head: Head, entries: Sequence[MetaEntry], growth: Growth) -> bool:
        """Append to the meta-log, and begin it where it is not there; False where it has grown since ``head``."""
        after = growth.frontier
        nodes = [[getattr(node, part) for node in growth.nodes] for part in ("level", "number", "hash")]
        content = [entry.key for entry in entries], [entry.content for entry in entries]
        row = head.origin, head.frontier.size, after.size, after.to_bytes(), *content, *nodes
        ((appended,),) = await self._fetch(APPEND_META, *row)
        return bool(appended)

    async def witness(self, log: int, size: int, note: str, at: datetime) -> None:
        """Store a checkpoint of the meta-log with its cosignatures."""
        await self._fetch(WITNESS, log, size, note, at)

    async def asked(self, timeout_s: float) -> None:
        """Return when somebody waits for a checkpoint, when the session has ended, or after ``timeout_s``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        self._rung.clear()

    def _hear(self, *_: object) -> None:
        self._rung.set()


@contextmanager
def in_session() -> Iterator[None]:
    """Tell a session that was ended meanwhile, and taken back by the pool, from a wrong statement.

    Raises:
        WorldError: STORE_UNAVAILABLE, the store or the session is gone.
    """
    try:
        with guarded():
            yield
    except asyncpg.InterfaceError as error:
        raise unavailable("STORE_UNAVAILABLE", "the session with the store has ended", RETRY_AFTER_S) from error
