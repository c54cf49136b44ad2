"""The tree of an exported folder has the roots of RFC 6962 at every size, and its files the names of tlog-tiles."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.verify.archive import layout
from tools.verify.archive.folder import Folder
from tools.verify.archive.records import bundles
from tools.verify.archive.tree import Tree, leaf_hash

LEAVES = [leaf_hash(str(number).encode()) for number in range(66_000)]
PATHS = [(0, "000"), (7, "007"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")]


def mth(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash by the recursive words of RFC 6962 section 2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


class Lazy(Folder):
    """The tiles of a log that nobody wrote down."""

    def read(self, name: str, *, index: int | None = None) -> bytes:
        """Return the bytes of a tile by its words in tlog-tiles."""
        path, _, partial = name.partition(".p/")
        _, level, *digits = path.split("/")
        number, width = int("".join(digits).replace("x", "")), int(partial or 256)
        span = 256 ** int(level)
        firsts = range(number * 256 * span, (number * 256 + width) * span, span)
        return b"".join(mth(LEAVES[first : first + span]) for first in firsts)


@given(size=st.integers(1, 1500), data=st.data())
def test_roots_of_every_size(size: int, data: st.DataObject) -> None:
    """From the tiles of one size follow the root of that size and of every smaller one."""
    tree, earlier = Tree(Lazy(Path()), size), data.draw(st.integers(0, size))

    assert tree.root() == mth(LEAVES[:size])
    assert tree.root(earlier) == mth(LEAVES[:earlier])


@pytest.mark.parametrize("size", [255, 256, 257, 65_535, 65_536, 65_537, 66_000])
def test_roots_at_the_turn_of_a_level(size: int) -> None:
    """Where a tile or a whole level becomes full the root is still the one of RFC 6962."""
    assert Tree(Lazy(Path()), size).root() == mth(LEAVES[:size])


@pytest.mark.parametrize(("number", "path"), PATHS)
def test_numbers_in_paths(number: int, path: str) -> None:
    """Numbers are written in groups of three digits (tlog-tiles); partial tiles have their width behind them."""
    assert layout.number_path(number) == path
    assert layout.tile_path(1, number, 17) == f"tile/1/{path}.p/17"
    assert layout.bundle_path(number) == f"tile/entries/{path}"


def test_bundles_of_a_range() -> None:
    """A range that ends at a tile does not need the next one, and an empty one needs none."""
    assert bundles(0, 256) == range(1)
    assert bundles(255, 257) == range(2)
    assert not bundles(300, 300)
