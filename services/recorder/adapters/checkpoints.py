"""What the publisher re-reads from PostgreSQL, and where its checkpoints stand."""

from collections.abc import Sequence

import asyncpg
from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.adapters.reader import head_of
from services.recorder.core.note import Checkpoint
from services.recorder.ports import Head, SignedCheckpoint

LOGS = "select log from head where size > 0 order by log"
HEAD = "select log, origin, tenant, size, frontier from head where log = $1"
LEAVES = "select seq, leaf, envelope from ev where log = $1 and seq >= $2 and seq < $3 order by seq"
NEWEST = """
select h.origin, c.size, c.root, c.note, c.signed_at
from checkpoint c join head h using (log)
where c.log = $1 and ($2::bigint is null or c.size = $2) order by c.size desc limit 1"""
PUBLISH = """
insert into checkpoint (log, size, root, note, signed_at) values ($1, $2, $3, $4, $5)
on conflict (log, size) do nothing"""


class PostgresCheckpoints:
    """Stores at most one checkpoint for each size of a log."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def logs(self) -> Sequence[int]:
        """Return every log."""
        with guarded():
            return [row["log"] for row in await self._pool.fetch(LOGS)]

    async def head_of(self, log: int) -> Head:
        """Return one log as it is now.

        Raises:
            TreeError: its head contradicts itself.
        """
        with guarded():
            (row,) = await self._pool.fetch(HEAD, log)
        return head_of(row)

    async def leaves(self, log: int, start: int, stop: int) -> Sequence[tuple[int, bytes, bytes]]:
        """Return (index, leaf, envelope) of the records from ``start`` to before ``stop``."""
        with guarded():
            rows = await self._pool.fetch(LEAVES, log, start, stop)
        return [(row["seq"], row["leaf"], row["envelope"]) for row in rows]

    async def checkpoint(self, log: int, size: int | None = None) -> SignedCheckpoint | None:
        """Return the checkpoint of this size, or the newest."""
        with guarded():
            row = await self._pool.fetchrow(NEWEST, log, size)
        return signed_of(row) if row else None

    async def publish(self, log: int, signed: SignedCheckpoint) -> SignedCheckpoint:
        """Store a checkpoint unless one of its size is there; return the stored one."""
        made = signed.checkpoint
        with guarded():
            await self._pool.execute(PUBLISH, log, made.size, made.root, signed.note, signed.signed_at)
        return await self.checkpoint(log, made.size) or signed


def signed_of(row: asyncpg.Record) -> SignedCheckpoint:
    """Return the checkpoint that a row describes."""
    checkpoint = Checkpoint(origin=row["origin"], size=row["size"], root=row["root"])
    return SignedCheckpoint(checkpoint=checkpoint, note=row["note"], signed_at=row["signed_at"])
