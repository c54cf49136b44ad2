"""What the server of tiles reads, with a role that sees no content, no key and no person."""

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.chassis.rows import rows_of
from services.recorder.core.merkle import TILE_HEIGHT
from services.recorder.core.resource import Part, bundle
from services.recorder.tiles.ports import PublishedLog

PUBLISHED = """
select h.log, h.origin, h.tenant, c.size, c.note as checkpoint
from head h cross join lateral (
    select size, note from checkpoint where log = h.log order by size desc limit 1) c
where h.origin = $1"""
LEAVES = "select leaf as part from ev where log = $1 and seq >= $2 and seq < $3 order by seq"
ENTRIES = "select envelope as part from ev where log = $1 and seq >= $2 and seq < $3 order by seq"
NODES = "select hash as part from node where log = $1 and number >= $2 and number < $3 and level = $4 order by number"


class PostgresTileStore:
    """Reads the published logs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def published(self, origin: str) -> PublishedLog | None:
        """Return a log by its origin, if any checkpoint of it was ever signed."""
        with guarded():
            row = await self._pool.fetchrow(PUBLISHED, origin)
        return PublishedLog(**row) if row else None

    async def part(self, log: PublishedLog, part: Part) -> bytes | None:
        """Return the bytes of a tile or bundle that is covered by a checkpoint; None where they are not all there."""
        level, span = part.tile.level, part.span
        statement, more = (ENTRIES if part.is_bundle else LEAVES, []) if level == 0 else (NODES, [level * TILE_HEIGHT])
        with guarded(), rows_of(log.tenant):
            rows = await self._pool.fetch(statement, log.log, span.start, span.stop, *more)
        parts = [row["part"] for row in rows]
        if len(parts) != part.width:
            return None
        return bundle(parts) if part.is_bundle else b"".join(parts)
