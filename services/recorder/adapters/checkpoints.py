"""The checkpoints that the publisher stored in PostgreSQL, and the bell that calls it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import asyncpg
from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.adapters.reader import head_of
from services.recorder.core.note import Checkpoint
from services.recorder.core.proof import Tile, Tiles, TileTree
from services.recorder.ports import Damage, Head, LogDamage, OpenLog, Sighting, SignedCheckpoint

BELL = "checkpoint_wanted"
"""The channel on which the publisher hears that somebody waits."""
SIGNED = "h.origin, c.size, c.root, c.note, c.signed_at"
"""The columns of a checkpoint ``c`` of a head ``h``."""
NEWEST = f"""
select {SIGNED} from checkpoint c join head h using (log)
where c.log = $1 order by c.size desc limit 1"""  # noqa: S608 - constants
DAMAGE = "select first_bad, problem from finding where log = $1"
# These ask the owner's functions: they alone see what is there of every tenant.
DAMAGES = "select tenant, origin, first_bad, problem from damaged_logs()"
LOTS = "select log, origin, tenant, size, frontier, seq from logs_by_lot($1)"
OPEN_LOGS = "select tenant, origin, stream, note from open_logs()"
WITNESSED = """
select origin, size, root, note, signed_at, seq, meta_size, meta_note from witnessed_checkpoint($1)"""
META_TILE = "select hash from meta_tile($1, $2)"
RING = "select pg_notify($1, '')"


class PostgresCheckpoints:
    """Reads checkpoints; the recorder's role can store none."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self, log: int) -> SignedCheckpoint | None:
        """Return the newest checkpoint of a log."""
        with guarded():
            row = await self._pool.fetchrow(NEWEST, log)
        return signed_of(row) if row else None

    async def witnessed(self, log: int) -> SignedCheckpoint | None:
        """Return the newest checkpoint of a log that enough witnesses have seen."""
        with guarded():
            row = await self._pool.fetchrow(WITNESSED, log)
        if row is None:
            return None
        return replace(
            signed_of(row), sighting=Sighting(index=row["seq"], size=row["meta_size"], note=row["meta_note"])
        )

    async def meta_tiles(self, wanted: Collection[Tile]) -> Tiles:
        """Return tiles of the meta-log."""
        with guarded():
            rows = {tile: await self._pool.fetch(META_TILE, tile.level, tile.number) for tile in wanted}
        return {tile: TileTree(b"".join(row["hash"] for row in found)) for tile, found in rows.items()}

    async def damage(self, log: int) -> Damage | None:
        """Return why a log is signed no more, where that is so."""
        with guarded():
            row = await self._pool.fetchrow(DAMAGE, log)
        return Damage(**row) if row else None

    async def damages(self) -> Sequence[LogDamage]:
        """Return every log that is signed no more."""
        with guarded():
            return [LogDamage(**row) for row in await self._pool.fetch(DAMAGES)]

    async def open_logs(self) -> Sequence[OpenLog]:
        """Return the newest log of each tenant and stream that was signed at least once."""
        with guarded():
            return [OpenLog(**row) for row in await self._pool.fetch(OPEN_LOGS)]

    async def draw(self, count: int) -> Sequence[tuple[Head, int]]:
        """Return some logs, and an index in each."""
        with guarded():
            rows = await self._pool.fetch(LOTS, count)
        return [(head_of(row), row["seq"]) for row in rows]

    async def ask(self) -> None:
        """Tell the publisher that somebody waits."""
        with guarded():
            await self._pool.execute(RING, BELL)


def signed_of(row: asyncpg.Record) -> SignedCheckpoint:
    """Return the checkpoint that a row with the columns of ``SIGNED`` describes."""
    checkpoint = Checkpoint(origin=row["origin"], size=row["size"], root=row["root"])
    return SignedCheckpoint(checkpoint=checkpoint, note=row["note"], signed_at=row["signed_at"])
