"""The Merkle tree of RFC 6962 section 2.1, grown leaf by leaf in memory that is logarithmic in its size."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""
TILE_HEIGHT = 8
"""Only the nodes of every eighth level are stored: with 256 of them any node in between is quickly made again."""


class TreeError(Exception):
    """The tree contradicts itself: a bug or a forgery, never the fault of a caller."""


def hash_leaf(entry: bytes) -> bytes:
    """Return the hash of a log entry: SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def hash_leaves(entries: Iterable[bytes]) -> list[bytes]:
    """Return the hashes of many log entries."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def hash_level(row: Iterable[bytes]) -> list[bytes]:
    """Return the nodes over neighbours; one without a right neighbour has none."""
    left, sha256 = iter(row), hashlib.sha256
    return [sha256(b"\x01" + one + other).digest() for one, other in zip(left, left, strict=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The root of the full subtree over the leaves [number << level, (number + 1) << level)."""

    level: int
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """All that must be known of a tree to grow it: the roots of its full subtrees, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.peaks) != self.size.bit_count():
            raise TreeError(f"a tree of {self.size} leaves has {self.size.bit_count()} peaks, not {len(self.peaks)}")

    @classmethod
    def from_bytes(cls, size: int, joined: bytes) -> "Frontier":
        """Read the peaks from their concatenation.

        Raises:
            TreeError: their number does not belong to a tree of ``size`` leaves.
        """
        steps = range(0, len(joined), HASH_BYTES)
        return cls(size=size, peaks=tuple(joined[at : at + HASH_BYTES] for at in steps))

    def to_bytes(self) -> bytes:
        """Return the peaks, concatenated."""
        return b"".join(self.peaks)

    def root(self) -> bytes:
        """Return the Merkle tree hash of all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, root = self.peaks
        for peak in reversed(rest):
            root = hash_children(peak, root)
        return root

    def extend(self, leaves: Iterable[bytes]) -> "Growth":
        """Append leaf hashes; also return the nodes that became full on the stored levels.

        Level by level, for a whole level is hashed several times as fast as its nodes one by one.
        """
        row, nodes, level, first = list(leaves), list[Node](), 0, self.size
        size, kept, made = self.size + len(row), list(self.peaks), list[bytes]()
        while row:
            if first & 1:  # the smallest peak has waited for its right neighbour
                row.insert(0, kept.pop())
            if len(row) & 1:
                made.append(row.pop())
            row, first, level = hash_level(row), first >> 1, level + 1
            if level % TILE_HEIGHT == 0:
                nodes += [Node(level=level, number=number, hash=hash_) for number, hash_ in enumerate(row, first)]
        return Growth(frontier=Frontier(size=size, peaks=(*kept, *reversed(made))), nodes=tuple(nodes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A frontier after leaves were appended, and the full nodes to store with it."""

    frontier: Frontier
    nodes: tuple[Node, ...]
