"""Read neighbouring records of a log, as an export needs them."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.adapters.blocks import runs_of_time
from services.recorder.adapters.bodies import BODY, BODY_TABLES, body_of
from services.recorder.adapters.checkpoints import signed_of
from services.recorder.adapters.reader import stored_of
from services.recorder.ports import Head, SignedCheckpoint, Stored

WITH_BODIES = f"""
select e.seq, e.ik, e.leaf, e.envelope, e.kind, e.decision_id, e.content_type, e.intent, e.recorded_at, {BODY}
from ev e {BODY_TABLES} where e.log = $1 and e.seq >= $2 and e.seq < $3 order by e.seq"""  # noqa: S608 - constants
# Whether a body is there, was emptied or dropped can be told from its first byte.
RECORDS = WITH_BODIES.replace("b.sealed,", "substr(b.sealed, 1, 1) as sealed,")
RECORDED = """
select min(seq) as first, max(seq) as last from ev
where log = $1 and ($2::timestamptz is null or recorded_at >= $2) and ($3::timestamptz is null or recorded_at < $3)
  and seq >= $4 and seq < $5"""
# One look into the index for each checkpoint that is wanted, however many there are.
CHECKPOINTS = """
select distinct c.log, h.origin, c.size, c.root, c.note, c.signed_at
from generate_series(0, $4::int - 1) step
cross join lateral (
    select * from checkpoint where log = $1 and size >= $2::bigint + step * ($3::bigint - $2 + 1) / $4
    and size <= $3 order by size limit 1) c
join head h on h.log = c.log
order by c.size"""


class PostgresRanges:
    """Reads ranges of logs that were found for their tenant before."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def records(self, head: Head, indexes: range, *, bodies: bool) -> Sequence[Stored]:
        """Return neighbouring records; without ``bodies``, only what became of those."""
        with guarded():
            rows = await self._pool.fetch(WITH_BODIES if bodies else RECORDS, head.log, indexes.start, indexes.stop)
        return [stored_of(head, row, body_of(row)) for row in rows]

    async def recorded(self, head: Head, since: datetime | None, until: datetime | None) -> range:
        """Return the indexes from the first record of a time to its last."""
        runs = await runs_of_time(self._pool, head.log, since, until)
        if not runs:
            return range(0)
        with guarded():
            row = await self._pool.fetchrow(RECORDED, head.log, since, until, runs[0].start, runs[-1].stop)
        return range(0) if row is None or row["first"] is None else range(row["first"], row["last"] + 1)

    async def checkpoints(self, head: Head, first: int, last: int, limit: int) -> Sequence[SignedCheckpoint]:
        """Return at most ``limit`` checkpoints of sizes from ``first`` to ``last``, from all over that range."""
        if first > last:
            return ()
        with guarded():
            return [signed_of(row) for row in await self._pool.fetch(CHECKPOINTS, head.log, first, last, limit)]
