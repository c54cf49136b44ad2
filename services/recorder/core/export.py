"""What an export of a range is made of: whole tiles, so that what leaves is a valid tiled log (C2SP tlog-tiles)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.chassis.errors import invalid
from services.recorder.core.envelope import MAX_ATTRIBUTE_CHARS, Draft
from services.recorder.core.log import outside
from services.recorder.core.merkle import TILE_HEIGHT
from services.recorder.core.notice import Topic, notice
from services.recorder.core.proof import TILE_WIDTH, Tile

MESSAGE_BYTES = 1 << 20
"""Content of one message: a record more, and it is still below the 4 MiB of a message."""
DISCLOSED = "content_exported"
"""The event that is on record before opened content is handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The records from ``start`` to before ``stop`` of a tree of ``size`` leaves."""

    start: int
    stop: int
    size: int

    @property
    def bundles(self) -> range:
        """Return the numbers of the level 0 tiles that hold the records."""
        return range(self.start // TILE_WIDTH, -(-self.stop // TILE_WIDTH) if self.stop > self.start else 0)

    def indexes(self, bundle: int) -> range:
        """Return the indexes of all records under a level 0 tile, asked for or not."""
        return range(bundle * TILE_WIDTH, min((bundle + 1) * TILE_WIDTH, self.size))

    def has(self, index: int) -> bool:
        """Return whether a record was asked for."""
        return self.start <= index < self.stop

    def tiles(self) -> Iterator[Tile]:
        """Yield the tiles that lead from the records to the root, but for those of the records themselves.

        Of the levels above the leaves these are all: they are 256 times fewer, and with them the root of every earlier
        size that ends within the range can be made again. Of the leaves it is the unfinished tile at the edge.
        """
        edge = self.size // TILE_WIDTH
        if self.size % TILE_WIDTH and edge not in self.bundles:
            yield Tile(0, edge)
        level = 1
        while hashes := self.size >> level * TILE_HEIGHT:
            yield from (Tile(level, number) for number in range(-(-hashes // TILE_WIDTH)))
            level += 1

    def width(self, tile: Tile) -> int:
        """Return how many hashes of a tile belong to a tree of this size."""
        return min(TILE_WIDTH, (self.size >> tile.level * TILE_HEIGHT) - tile.number * TILE_WIDTH)


def extent(start: int, stop: int, size: int, *, origin: str) -> Extent:
    """Return the range of a log of ``size`` records that a caller asks for; a ``stop`` of 0 means all.

    Raises:
        CallerError: INDEX_OUT_OF_RANGE, it reaches beyond the log; FIELD_OUT_OF_RANGE, it runs backwards.
    """
    stop = stop or size
    if stop > size:
        raise outside("end_index", stop, name=origin, size=size)
    if not 0 <= start < stop:
        raise invalid("start_index", f"must be from 0 to {stop - 1}", value=start)
    return Extent(start=start, stop=stop, size=size)


def groups(sizes: Sequence[int], limit: int = MESSAGE_BYTES) -> Iterator[slice]:
    """Yield neighbouring records that fill a message, by the bytes that each holds; one alone always goes."""
    first, held = 0, 0
    for at, size in enumerate(sizes):
        if held and held + size > limit:
            yield slice(first, at)
            first, held = at, 0
        held += size
    if sizes:
        yield slice(first, len(sizes))


def disclosure(tenant: str, log: str, asked: Extent, *, by: str, identity: str, about: bool) -> Draft:
    """Return the record that says that content left readable: whose it was is not said, who has it only as content.

    Args:
        tenant: Whose log it is.
        log: Its origin.
        asked: The range.
        by: Who asked; a person, so it is no part of the envelope and can be erased.
        identity: What tells this export from every other.
        about: Whether only the content about one person left.
    """
    facts = {
        "event": DISCLOSED,
        "log": log[:MAX_ATTRIBUTE_CHARS],
        "records": f"{asked.start}-{asked.stop - 1}",
        "content": "of one person" if about else "of all",
    }
    return notice(Topic.EXPORT, identity, tenant=tenant, kind="SECURITY", facts=facts, subject_id=by, text=by)
