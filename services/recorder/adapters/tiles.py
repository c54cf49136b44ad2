"""Tiles from PostgreSQL. Full ones are remembered: they never change, and every proof near them needs them again."""

from collections import OrderedDict
from collections.abc import Collection

from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from services.recorder.core.merkle import TILE_HEIGHT
from services.recorder.core.proof import TILE_WIDTH, Tile, TileTree

# All tiles that are wanted come in one journey, each as one string: 256 rows a tile would cost more than their hashing.
LEAVES = """
select 0 as level, number, hashes from unnest($2::bigint[]) as number
cross join lateral (
    select string_agg(leaf, ''::bytea order by seq) as hashes from ev
    where log = $1 and seq >= number * 256 and seq < number * 256 + 256) as tile
where hashes is not null"""
NODES = """
select wanted.level, wanted.number, hashes from unnest($2::int[], $3::bigint[]) as wanted (level, number)
cross join lateral (
    select string_agg(hash, ''::bytea order by node.number) as hashes from node
    where node.log = $1 and node.level = wanted.level * 8
      and node.number >= wanted.number * 256 and node.number < wanted.number * 256 + 256) as tile
where hashes is not null"""
assert (TILE_WIDTH, TILE_HEIGHT) == (256, 8), "the statements say so too"  # noqa: S101 - holds or nothing starts

TILES_A_MIB = 64
"""Full tiles that fit into a MiB, each with the nodes within it."""


async def fetch_tiles(database: Pool | PoolConnectionProxy, log: int, wanted: Collection[Tile]) -> dict[Tile, TileTree]:
    """Return the tiles as they are stored; one of which nothing is stored is missing."""
    leaves = [tile.number for tile in wanted if tile.level == 0]
    nodes = [tile for tile in wanted if tile.level > 0]
    rows = await database.fetch(LEAVES, log, leaves) if leaves else []
    if nodes:
        levels, numbers = [tile.level for tile in nodes], [tile.number for tile in nodes]
        rows += await database.fetch(NODES, log, levels, numbers)
    return {Tile(row["level"], row["number"]): TileTree(row["hashes"]) for row in rows}


class FullTiles:
    """The tiles that were used last."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tiles = OrderedDict[tuple[int, Tile], TileTree]()

    def get(self, log: int, tile: Tile) -> TileTree | None:
        """Return a tile if it is remembered."""
        tree = self._tiles.get((log, tile))
        if tree is not None:
            self._tiles.move_to_end((log, tile))
        return tree

    def keep(self, log: int, tile: Tile, tree: TileTree) -> None:
        """Remember a tile if it is full, and forget the one that was not used for longest."""
        if tree.width != TILE_WIDTH:
            return
        self._tiles[log, tile] = tree
        if len(self._tiles) > self._limit:
            self._tiles.popitem(last=False)
