"""The tree is the tree of RFC 6962, however it is grown and cut."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recorder.core.merkle import EMPTY_ROOT, Frontier, TreeError, hash_children, hash_leaf
from services.recorder.core.proof import (
    Tile,
    TileTree,
    consistency_roots,
    consistency_spans,
    fold,
    inclusion_root,
    inclusion_spans,
    tiles_of,
    way,
    way_tiles,
)

VECTORS = (
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
)
"""The leaves that the Certificate Transparency projects test with, and the root once each is in."""

SIZE = 70_000
LEAVES = [hash_leaf(str(number).encode()) for number in range(SIZE)]
BASE = Frontier().extend(LEAVES[:65_400]).frontier
sizes = st.one_of(st.integers(1, 600), st.integers(BASE.size, 66_200))


def naive_root(leaves: list[bytes]) -> bytes:
    """Compute the tree hash by the recursive words of RFC 6962 section 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hash_children(naive_root(leaves[:k]), naive_root(leaves[k:]))


def root_at(size: int) -> bytes:
    """Return the root of the tree over the first ``size`` leaves."""
    start = BASE if size >= BASE.size else Frontier()
    return start.extend(LEAVES[start.size : size]).frontier.root()


def stored_tiles() -> dict[Tile, TileTree]:
    """Return every tile of the tree over all leaves, as a store would hold them."""
    tiles: dict[Tile, list[bytes]] = {}
    for index, leaf in enumerate(LEAVES):
        tiles.setdefault(Tile(0, index // 256), []).append(leaf)
    for node in Frontier().extend(LEAVES).nodes:
        tiles.setdefault(Tile(node.level // 8, node.number // 256), []).append(node.hash)
    return {tile: TileTree(b"".join(hashes)) for tile, hashes in tiles.items()}


TILES = stored_tiles()


def tiles_at(size: int) -> dict[Tile, TileTree]:
    """Return the tiles as they were stored when the tree had ``size`` leaves."""
    widths = {tile: (size >> 8 * tile.level) - 256 * tile.number for tile in TILES}
    return {
        tile: TILES[tile] if width >= 256 else TileTree(TILES[tile].hashes[: 32 * width])
        for tile, width in widths.items()
        if width > 0
    }


def test_empty_tree() -> None:
    """A tree without leaves has the hash of nothing as its root."""
    assert hashlib.sha256().digest() == EMPTY_ROOT == Frontier().root()


@pytest.mark.spec("REC-07")
def test_published_vectors() -> None:
    """Each prefix of the published leaves has the published root."""
    frontier = Frontier()
    for leaf, root in VECTORS:
        frontier = frontier.extend([hash_leaf(bytes.fromhex(leaf))]).frontier

        assert frontier.root().hex() == root


@given(size=st.integers(0, 600), cut=st.integers(0, 600))
def test_growth_in_any_steps(size: int, cut: int) -> None:
    """A frontier grown in two steps, and stored in between, equals the naive tree."""
    first = Frontier().extend(LEAVES[: min(cut, size)]).frontier
    stored = Frontier.from_bytes(first.size, first.to_bytes())

    assert stored.extend(LEAVES[first.size : size]).frontier.root() == naive_root(LEAVES[:size])


def test_stored_nodes() -> None:
    """Each 256 leaves close one node of level 8, and 256 of those one of level 16."""
    nodes = Frontier().extend(LEAVES[:65_536]).nodes

    assert [n.number for n in nodes if n.level == 8] == list(range(256))
    assert [(n.number, n.hash) for n in nodes if n.level == 16] == [(0, naive_root(LEAVES[:65_536]))]


def test_frontier_of_wrong_length_is_refused() -> None:
    """A head whose peaks do not fit its size is never built upon."""
    with pytest.raises(TreeError):
        Frontier.from_bytes(3, LEAVES[0])


def attempt(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return where a proof leads, or None where it does not even fit."""
    try:
        return inclusion_root(leaf, index, size, path)
    except TreeError:
        return None


@given(size=sizes, data=st.data())
def test_inclusion(size: int, data: st.DataObject) -> None:
    """The proof of any leaf leads to the root; with another leaf, index or hash it does not."""
    index = data.draw(st.integers(0, size - 1))
    spans = inclusion_spans(index, size)
    path = fold(spans, TILES)
    root = root_at(size)

    assert inclusion_root(LEAVES[index], index, size, path) == root
    assert inclusion_root(LEAVES[index + 1], index, size, path) != root
    assert all(root != attempt(LEAVES[index], other, size, path) for other in {index - 1, index + 1, index ^ 1})


@given(size=sizes, data=st.data())
def test_the_short_way(size: int, data: st.DataObject) -> None:
    """A leaf and its path, looked up in the tiles on their way alone, are those of the long way over spans."""
    index = data.draw(st.one_of(st.integers(0, size - 1), st.just(size - 1)))
    stored = tiles_at(size)
    tiles = {tile: stored[tile] for tile in way_tiles(index, size) if tile in stored}

    assert way(index, size, tiles) == (LEAVES[index], fold(inclusion_spans(index, size), TILES))


@given(second=sizes, data=st.data())
def test_consistency(second: int, data: st.DataObject) -> None:
    """The proof between any two sizes leads to both roots, and to neither from a forged beginning."""
    first = data.draw(st.integers(1, second))
    path = fold(consistency_spans(first, second), TILES)
    roots = (root_at(first), root_at(second))

    assert consistency_roots(first, second, roots[0], path) == roots
    assert not path or consistency_roots(first, second, roots[0], [bytes(32), *path[1:]]) != roots


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, 69_999])
def test_tiles_named_are_enough(index: int) -> None:
    """A proof is made from the few tiles it names, whatever the size of the tree."""
    spans = inclusion_spans(index, SIZE)
    named = {tile: TILES[tile] for tile in tiles_of(spans)}

    assert len(named) <= 6
    assert fold(spans, named) == fold(spans, TILES)


def test_missing_hash_is_named() -> None:
    """A tile with a hole makes no proof."""
    with pytest.raises(TreeError, match="tile 0 of level 0"):
        fold(inclusion_spans(1, 300), {})


@given(width=st.integers(1, 256), data=st.data())
def test_nodes_of_a_tile(width: int, data: st.DataObject) -> None:
    """Every full subtree of a tile has its root at hand, and one that is not full has none."""
    depth = data.draw(st.integers(0, 8))
    at = data.draw(st.integers(0, 256 >> depth))
    tree, group = TileTree(b"".join(LEAVES[:width])), LEAVES[at << depth : (at + 1) << depth]

    assert (tree.width, tree.hashes) == (width, b"".join(LEAVES[:width]))
    if (at + 1) << depth <= width:
        assert tree.node(depth, at) == naive_root(group)
    else:
        with pytest.raises(TreeError):
            tree.node(depth, at)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_index_outside(index: int, size: int) -> None:
    """No proof is made of a leaf that is not there."""
    with pytest.raises(TreeError):
        inclusion_spans(index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3)])
def test_sizes_outside(first: int, second: int) -> None:
    """No proof is made between sizes that do not follow each other."""
    with pytest.raises(TreeError):
        consistency_spans(first, second)


def test_proof_of_wrong_length() -> None:
    """A proof with a hash too many or too few is refused."""
    with pytest.raises(TreeError):
        inclusion_root(LEAVES[0], 0, 4, [])
    with pytest.raises(TreeError):
        consistency_roots(3, 5, LEAVES[0], [])
