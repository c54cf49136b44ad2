"""The exported tiles as a Merkle tree: roots of any size they reach, and where they disagree."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tools.verify.archive import layout
from tools.verify.archive.folder import Damage, DamageError, Folder

_REMEMBERED = 64
"""Tiles of upper levels that are kept at hand."""


def leaf_hash(record: bytes) -> bytes:
    """Return SHA-256(0x00 || record)."""
    return hashlib.sha256(b"\x00" + record).digest()


def subtree(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of neighbouring hashes."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


class Tree:
    """The tiles of a tree of ``size`` leaves."""

    def __init__(self, folder: Folder, size: int) -> None:
        self._folder, self.size = folder, size
        self._upper = lru_cache(_REMEMBERED)(self._read)

    def tile(self, level: int, number: int) -> list[bytes]:
        """Return a tile's hashes.

        Raises:
            DamageError: MISSING; FORM, it has not the length that this size needs.
        """
        return self._read(level, number) if level == 0 else self._upper(level, number)

    def name(self, level: int, number: int) -> str:
        """Return the path of a tile."""
        return layout.tile_path(level, number, self.width(level, number))

    def width(self, level: int, number: int) -> int:
        """Return how many hashes a tile has."""
        return min(layout.WIDTH, (self.size >> 8 * level) - number * layout.WIDTH)

    def levels(self) -> range:
        """Return the levels that have any hash."""
        return range((max(self.size.bit_length(), 1) + 7) // 8)

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the tree as it was at a size.

        Raises:
            DamageError: as `tile`.
        """
        size = self.size if size is None else size
        peaks = list(self._peaks(size))
        if not peaks:
            return hashlib.sha256(b"").digest()
        *rest, root = peaks
        for peak in reversed(rest):
            root = hashlib.sha256(b"\x01" + peak + root).digest()
        return root

    def parent(self, level: int, number: int) -> bytes:
        """Return the hash that the level above holds for a full tile."""
        above, at = divmod(number, layout.WIDTH)
        return self.tile(level + 1, above)[at]

    def upper(self) -> Iterator[tuple[int, int]]:
        """Yield level and number of every tile above the leaves, the highest first."""
        for level in reversed(self.levels()[1:]):
            yield from ((level, number) for number in range(-(-(self.size >> 8 * level) // layout.WIDTH)))

    def _peaks(self, size: int) -> Iterator[bytes]:
        """Yield the roots of the full subtrees that a size is made of, the largest first."""
        for level in reversed(range((size.bit_length() + 7) // 8)):
            number, width = divmod(size >> 8 * level, layout.WIDTH)
            hashes, at = self.tile(level, number)[:width] if width else [], 0
            for bit in reversed(range(8)):
                if width >> bit & 1:
                    yield subtree(hashes[at : at + (1 << bit)])
                    at += 1 << bit

    def _read(self, level: int, number: int) -> list[bytes]:
        name, first = self.name(level, number), number << 8 * (level + 1)
        raw = self._folder.read(name, index=first)
        if len(raw) != self.width(level, number) * layout.HASH_BYTES:
            problem = f"{name} has {len(raw)} bytes, not {self.width(level, number) * layout.HASH_BYTES}"
            raise DamageError(Damage.FORM, problem, file=name, index=first)
        return [raw[at : at + layout.HASH_BYTES] for at in range(0, len(raw), layout.HASH_BYTES)]
