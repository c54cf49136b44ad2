"""The static resources of a tiled log (C2SP tlog-tiles), named by their paths below the log's own."""

import re
from dataclasses import dataclass

from services.recorder.core.merkle import TILE_HEIGHT
from services.recorder.core.proof import TILE_WIDTH, Tile

_TILE = re.compile(
    r"tile/(?P<level>0|[1-9]\d?|entries)/(?P<number>(?:x\d{3}/)*\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?", re.ASCII
)
_LARGEST_LEVEL = 63
_LARGEST_NUMBER = 1 << 55
"""More tiles than a log can have whose indexes are 64-bit numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A tile, or the bundle of records under a tile of leaf hashes."""

    tile: Tile
    width: int
    is_bundle: bool = False

    @property
    def full(self) -> bool:
        """Return whether it can never change."""
        return self.width == TILE_WIDTH

    def covered(self, size: int) -> bool:
        """Return whether a tree of ``size`` leaves has as much of it."""
        return self.tile.number * TILE_WIDTH + self.width <= size >> self.tile.level * TILE_HEIGHT

    @property
    def span(self) -> range:
        """Return the numbers of its hashes within their level."""
        start = self.tile.number * TILE_WIDTH
        return range(start, start + self.width)


def parse(path: str) -> Part | None:
    """Return what the path behind a log's prefix names, such as ``tile/0/x001/234.p/17``; None if it is no tile's.

    A number has exactly as many groups of three digits as it needs, so that each resource has one address.
    """
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    groups = found["number"].replace("x", "").split("/")
    number, width = int("".join(groups)), int(found["width"] or TILE_WIDTH)
    level = 0 if found["level"] == "entries" else int(found["level"])
    short = len(groups) == 1 or number >= 1000 ** (len(groups) - 1)
    small = number < _LARGEST_NUMBER and level <= _LARGEST_LEVEL
    if not (short and small) or (found["width"] and width >= TILE_WIDTH):
        return None
    return Part(tile=Tile(level, number), width=width, is_bundle=found["level"] == "entries")


def bundle(records: list[bytes]) -> bytes:
    """Return records as an entry bundle: each after its length, two bytes with the larger first."""
    return b"".join(len(record).to_bytes(2, "big") + record for record in records)
