"""Roots and proofs are those of pymerkle, which somebody else wrote."""

import pytest
from pymerkle import InmemoryTree

from services.recorder.core.merkle import Frontier, hash_leaf
from services.recorder.core.proof import Tile, TileTree, fold, inclusion_spans, way

RECORDS = [str(number).encode() for number in range(700)]
LEAVES = [hash_leaf(record) for record in RECORDS]


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    """Return the same records in its tree."""
    tree = InmemoryTree(algorithm="sha256")
    for record in RECORDS:
        tree.append_entry(record)
    return tree


@pytest.fixture(scope="module")
def tiles() -> dict[Tile, TileTree]:
    """Return the tiles of the tree as a store has them."""
    rows = {0: LEAVES, 1: [node.hash for node in Frontier().extend(LEAVES).nodes]}
    return {
        Tile(level, at // 256): TileTree(b"".join(row[at : at + 256]))
        for level, row in rows.items()
        for at in range(0, len(row), 256)
    }


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700])
def test_roots(oracle: InmemoryTree, size: int) -> None:
    """At every size both trees have the same root."""
    assert Frontier().extend(LEAVES[:size]).frontier.root() == oracle.get_root(size)


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("index", [0, 1, 254, 255, 256, 511, 512, 699])
def test_inclusion_paths(oracle: InmemoryTree, tiles: dict[Tile, TileTree], index: int) -> None:
    """Both give the same path for a record, the short way and the long way."""
    leaf, path = way(index, len(RECORDS), tiles)

    assert [leaf, *path] == list(oracle.prove_inclusion(index + 1).path)
    assert path == fold(inclusion_spans(index, len(RECORDS)), tiles)
