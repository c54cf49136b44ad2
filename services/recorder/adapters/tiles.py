"""Tiles from PostgreSQL. Full ones are remembered: they never change, and every proof near them needs them again."""

from collections import OrderedDict
from collections.abc import Sequence

from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from services.recorder.core.merkle import TILE_HEIGHT
from services.recorder.core.proof import TILE_WIDTH, Tile

LEAVES = "select leaf as hash from ev where log = $1 and seq >= $2 and seq < $3 order by seq"
NODES = "select hash from node where log = $1 and number >= $2 and number < $3 and level = $4 order by number"

TILES = 1024
"""About 16 MiB of hashes, enough for the path of any leaf among the newest quarter of a million."""


async def fetch_tile(database: Pool | PoolConnectionProxy, log: int, tile: Tile) -> list[bytes]:
    """Return the stored hashes of a tile, from its left."""
    start = tile.number * TILE_WIDTH
    if tile.level == 0:
        rows = await database.fetch(LEAVES, log, start, start + TILE_WIDTH)
    else:
        rows = await database.fetch(NODES, log, start, start + TILE_WIDTH, tile.level * TILE_HEIGHT)
    return [row["hash"] for row in rows]


class FullTiles:
    """The tiles that were used last."""

    def __init__(self, limit: int = TILES) -> None:
        self._limit = limit
        self._tiles = OrderedDict[tuple[int, Tile], Sequence[bytes]]()

    def get(self, log: int, tile: Tile) -> Sequence[bytes] | None:
        """Return a tile's hashes if they are remembered."""
        hashes = self._tiles.get((log, tile))
        if hashes is not None:
            self._tiles.move_to_end((log, tile))
        return hashes

    def keep(self, log: int, tile: Tile, hashes: Sequence[bytes]) -> None:
        """Remember a tile if it is full, and forget the one that was not used for longest."""
        if len(hashes) != TILE_WIDTH:
            return
        self._tiles[log, tile] = hashes
        if len(self._tiles) > self._limit:
            self._tiles.popitem(last=False)
