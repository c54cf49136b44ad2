"""Inclusion and consistency proofs of RFC 6962 section 2.1, made from stored tiles, and their verification.

A proof is a list of subtree hashes. Which ones follows from the sizes alone, so making a proof has three steps:
name the spans of leaves (`inclusion_spans`, `consistency_spans`), fetch the tiles that hold them (`tiles_of`), fold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.recorder.core.merkle import TILE_HEIGHT, TreeError, hash_children

TILE_WIDTH = 1 << TILE_HEIGHT

Span = range
"""Neighbouring leaves whose common root is one element of a proof."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """256 neighbouring hashes of one stored level; level 0 holds leaf hashes, level 1 the nodes over 256 leaves."""

    level: int
    number: int


Tiles = Mapping[Tile, Sequence[bytes]]
"""The hashes of each tile, from its left; the rightmost tile of a level may be partly filled."""


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
    """Return the tile under a subtree, and where in it the subtree's hashes begin and how many they are."""
    depth = level % TILE_HEIGHT
    start = number << depth
    return Tile(level // TILE_HEIGHT, start // TILE_WIDTH), start % TILE_WIDTH, 1 << depth


def _subtree_root(level: int, number: int, tiles: Tiles) -> bytes:
    tile, start, count = _place(level, number)
    hashes = list(tiles.get(tile, ())[start : start + count])
    if len(hashes) != count:
        raise TreeError(f"tile {tile.number} of level {tile.level} lacks hashes from {start} on")
    while len(hashes) > 1:
        hashes = [hash_children(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def _span_root(span: Span, tiles: Tiles) -> bytes:
    *rest, root = [_subtree_root(level, number, tiles) for level, number in _full_subtrees(span)]
    for subtree in reversed(rest):
        root = hash_children(subtree, root)
    return root
