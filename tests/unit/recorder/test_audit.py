"""Whatever was changed in the stored records, the first index that it touches is named."""

import pytest

from services.recorder.core.audit import AuditError, check_head, check_signed, rederive
from services.recorder.core.merkle import Frontier, hash_leaf
from services.recorder.core.note import Checkpoint

RECORDS = [(n, hash_leaf(str(n).encode()), str(n).encode()) for n in range(9)]


@pytest.mark.spec("REC-07")
def test_rederived() -> None:
    """Untouched records lead to the same tree, in however many pages they are read."""
    first = rederive(Frontier(), RECORDS[:4], 4)

    assert rederive(first, RECORDS[4:], 9) == Frontier().extend(leaf for _, leaf, _ in RECORDS).frontier


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize(
    ("records", "first_bad"),
    [
        (RECORDS[:3] + RECORDS[4:], 3),
        ([*RECORDS[:2], RECORDS[1], *RECORDS[2:]], 2),
        ([*RECORDS[:5], (5, RECORDS[5][1], b"forged"), *RECORDS[6:]], 5),
        (RECORDS[:8], 8),
        ([], 0),
    ],
)
def test_first_bad_index_is_named(records: list[tuple[int, bytes, bytes]], first_bad: int) -> None:
    """A hole, a double, a forgery or an end too early is named by its index."""
    with pytest.raises(AuditError) as raised:
        rederive(Frontier(), records, 9)

    assert raised.value.first_bad == first_bad


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize(("peak", "first_bad"), [(0, 0), (1, 8), (2, 10)])
def test_a_head_is_wrong_from_the_first_subtree_that_differs(peak: int, first_bad: int) -> None:
    """A head of 11 leaves has three subtrees, of 8, 2 and 1 of them."""
    tree = Frontier().extend(hash_leaf(bytes([n])) for n in range(11)).frontier
    other = Frontier(size=11, peaks=(*tree.peaks[:peak], bytes(32), *tree.peaks[peak + 1 :]))

    with pytest.raises(AuditError) as raised:
        check_head(tree, other)

    assert raised.value.first_bad == first_bad


@pytest.mark.spec("REC-07")
def test_two_trees_are_never_signed() -> None:
    """A head or checkpoint that is not of this tree is refused."""
    tree = rederive(Frontier(), RECORDS, 9)

    with pytest.raises(AuditError):
        check_head(rederive(Frontier(), RECORDS[:8], 8), tree)
    with pytest.raises(AuditError) as raised:
        check_signed(tree, Checkpoint(origin="o", size=9, root=bytes(32)), since=4)
    check_signed(tree, Checkpoint(origin="o", size=9, root=tree.root()), since=4)

    assert raised.value.first_bad == 4
