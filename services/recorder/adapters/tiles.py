"""Full tiles, remembered: they never change, and every proof near them needs them again."""

from collections import OrderedDict
from collections.abc import Sequence

from services.recorder.core.proof import TILE_WIDTH, Tile

TILES = 1024
"""About 16 MiB of hashes, enough for the path of any leaf among the newest quarter of a million."""


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
