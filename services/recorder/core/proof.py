"""Inclusion and consistency proofs of RFC 6962 section 2.1, made from stored tiles, and their verification.

A proof is a list of subtree hashes. Which ones follows from the sizes alone, so making a proof has three steps:
name the spans of leaves (`inclusion_spans`, `consistency_spans`), fetch the tiles that hold them (`tiles_of`), fold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.recorder.core.merkle import HASH_BYTES, TILE_HEIGHT, TreeError, hash_children, hash_level

TILE_WIDTH = 1 << TILE_HEIGHT

Span = range
"""Neighbouring leaves whose common root is one element of a proof."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """256 neighbouring hashes of one stored level; level 0 holds leaf hashes, level 1 the nodes over 256 leaves."""

    level: int
    number: int


class TileTree:
    """A tile with the nodes between its hashes and their root, made once: in one string, for 511 objects weigh more.

    A tile that is partly filled has the nodes over the full subtrees in it.
    """

    __slots__ = ("_begins", "_nodes", "width")

    def __init__(self, hashes: bytes) -> None:
        self.width = len(hashes) // HASH_BYTES
        row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
        begins, nodes = [0], row
        while len(row) > 1:
            begins.append(len(nodes))
            row = hash_level(row)
            nodes += row
        self._begins, self._nodes = tuple(begins), b"".join(nodes)

    @property
    def hashes(self) -> bytes:
        """Return the hashes of the tile itself, from its left."""
        return self._nodes[: self.width * HASH_BYTES]

    def node(self, depth: int, at: int) -> bytes:
        """Return the root over 2**depth hashes, the ``at``-th such group from the left.

        Raises:
            TreeError: the tile does not have so many hashes.
        """
        if (at + 1) << depth > self.width:
            raise TreeError(f"a tile of {self.width} hashes has no {at + 1} subtrees of {1 << depth}")
        begin = (self._begins[depth] + at) * HASH_BYTES
        return self._nodes[begin : begin + HASH_BYTES]


Tiles = Mapping[Tile, TileTree]
"""Tiles that were fetched; the rightmost tile of a level may be partly filled."""


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return the spans whose roots prove that leaf ``index`` is in the tree of ``size`` leaves, from leaf to root."""
    if not 0 <= index < size:
        raise TreeError(f"leaf {index} is not in a tree of {size} leaves")
    spans, low, high = list[Span](), 0, size
    while high - low > 1:
        middle = low + _largest_power_below(high - low)
        if index < middle:
            spans.append(range(middle, high))
            high = middle
        else:
            spans.append(range(low, middle))
            low = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """Return the spans whose roots prove that the tree of ``second`` leaves only adds to that of ``first``."""
    if not 0 < first <= second:
        raise TreeError(f"no proof leads from {first} to {second} leaves")
    spans, low, high = list[Span](), 0, second
    while first != high:
        middle = low + _largest_power_below(high - low)
        if first <= middle:
            spans.append(range(middle, high))
            high = middle
        else:
            spans.append(range(low, middle))
            low = middle
    if low > 0:
        spans.append(range(low, high))
    return spans[::-1]


def peak_spans(size: int) -> list[Span]:
    """Return the spans of the full subtrees that make up a tree of ``size`` leaves, the largest first."""
    spans = _full_subtrees(range(size))
    return [range(number << level, (number + 1) << level) for level, number in spans]


def tiles_of(spans: Sequence[Span]) -> set[Tile]:
    """Return the tiles that hold what the roots of ``spans`` are folded from."""
    return {_place(level, number)[0] for span in spans for level, number in _full_subtrees(span)}


def way_tiles(index: int, size: int) -> set[Tile]:
    """Return the tiles that hold the path of leaf ``index`` in a tree of ``size`` leaves, and the leaf."""
    way, edge = index // TILE_WIDTH, size // TILE_WIDTH
    tiles, level = {Tile(0, way), Tile(0, edge)}, 0
    while edge:
        way, edge, level = way // TILE_WIDTH, edge // TILE_WIDTH, level + 1
        tiles |= {Tile(level, way), Tile(level, edge)}
    return tiles


def way(index: int, size: int, tiles: Tiles) -> tuple[bytes, list[bytes]]:
    """Return leaf ``index`` and its inclusion path in a tree of ``size`` leaves.

    Raises:
        TreeError: a tile lacks a hash that a tree of this size must have.
    """
    path, at, last, level = list[bytes](), index, size - 1, 0
    tree: TileTree | None = None
    while last:
        depth, sibling = level % TILE_HEIGHT, at ^ 1
        if not depth:
            tree = None
        if sibling < last or (sibling == last and (last + 1) << level <= size):
            tree = tree or _tree(Tile(level // TILE_HEIGHT, sibling // (TILE_WIDTH >> depth)), tiles)
            path.append(tree.node(depth, sibling % (TILE_WIDTH >> depth)))
        elif sibling == last:
            path.append(_span_root(range(last << level, size), tiles))
        at, last, level = at // 2, last // 2, level + 1
    return _subtree_root(0, index, tiles), path


def fold(spans: Sequence[Span], tiles: Tiles) -> list[bytes]:
    """Return the root of each span.

    Raises:
        TreeError: a tile lacks a hash that a tree of this size must have.
    """
    return [_span_root(span, tiles) for span in spans]


def inclusion_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).

    Raises:
        TreeError: the proof has the wrong length for this index and size.
    """
    spans = inclusion_spans(index, size)
    if len(spans) != len(path):
        raise TreeError(f"an inclusion proof of leaf {index} in {size} has {len(spans)} hashes, not {len(path)}")
    root = leaf
    for span, sibling in zip(spans, path, strict=True):
        root = hash_children(sibling, root) if span.stop <= index else hash_children(root, sibling)
    return root


def consistency_roots(first: int, second: int, root: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the two roots that a consistency proof leads to, given the ``root`` at size ``first``.

    Raises:
        TreeError: the proof has the wrong length for these sizes.
    """
    spans = consistency_spans(first, second)
    if len(spans) != len(path):
        raise TreeError(f"a consistency proof from {first} to {second} has {len(spans)} hashes, not {len(path)}")
    # The first tree is itself a full subtree of the second exactly when the proof need not restate its last part.
    known = spans and spans[0].stop == first
    steps = list(zip(spans, path, strict=True))
    old = new = steps.pop(0)[1] if known else root
    for span, sibling in steps:
        if span.stop <= first:
            old, new = hash_children(sibling, old), hash_children(sibling, new)
        else:
            new = hash_children(new, sibling)
    return old, new


def _largest_power_below(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def _full_subtrees(span: Span) -> Iterator[tuple[int, int]]:
    """Yield (level, number) of the full subtrees that make up a span, the largest first."""
    at, left = span.start, len(span)
    while left:
        level = left.bit_length() - 1
        yield level, at >> level
        at += 1 << level
        left -= 1 << level


def _place(level: int, number: int) -> tuple[Tile, int, int]:
    """Return the tile that holds a subtree, how far above the tile's hashes it is, and which it is of that level."""
    depth = level % TILE_HEIGHT
    tile, at = divmod(number, TILE_WIDTH >> depth)
    return Tile(level // TILE_HEIGHT, tile), depth, at


def _subtree_root(level: int, number: int, tiles: Tiles) -> bytes:
    tile, depth, at = _place(level, number)
    return _tree(tile, tiles).node(depth, at)


def _tree(tile: Tile, tiles: Tiles) -> TileTree:
    tree = tiles.get(tile)
    if tree is None:
        raise TreeError(f"tile {tile.number} of level {tile.level} is missing")
    return tree


def _span_root(span: Span, tiles: Tiles) -> bytes:
    *rest, root = [_subtree_root(level, number, tiles) for level, number in _full_subtrees(span)]
    for subtree in reversed(rest):
        root = hash_children(subtree, root)
    return root
