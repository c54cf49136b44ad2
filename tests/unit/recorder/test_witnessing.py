"""A witness cosigns what only adds to what it saw, and nothing else."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recorder.core.merkle import Frontier, hash_leaf
from services.recorder.core.note import Checkpoint
from services.recorder.core.proof import consistency_spans
from services.recorder.core.witnessing import RefusedError, Seen, Submission, judge, read_submission

LEAVES = [hash_leaf(bytes([n])) for n in range(70)]


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over some leaves."""
    return Frontier().extend(leaves).frontier.root()


def submission(old: int, size: int, leaves: Sequence[bytes] = LEAVES) -> tuple[Submission, Checkpoint]:
    """Return an honest submission."""
    spans = consistency_spans(old, size) if old else []
    proof = [root(leaves[span.start : span.stop]) for span in spans]
    checkpoint = Checkpoint(origin="o", size=size, root=root(leaves[:size]))
    return Submission(old=old, proof=proof, note=f"{checkpoint.text()}\n\N{EM DASH} o AAAA\n"), checkpoint


@given(sizes=st.tuples(st.integers(0, 70), st.integers(0, 70)).map(sorted))
def test_what_only_grew_is_cosigned(sizes: list[int]) -> None:
    """Any honest step from any size, written and read back."""
    old, size = sizes
    made, checkpoint = submission(old, size)

    assert read_submission(made.text().encode()) == (made, checkpoint)
    judge(made, checkpoint, Seen(size=old, root=root(LEAVES[:old])))


@given(sizes=st.tuples(st.integers(1, 69), st.integers(1, 69)).map(sorted), changed=st.integers(0, 68))
def test_a_changed_past_is_not(sizes: list[int], changed: int) -> None:
    """Whichever leaf among those that were seen is another one, no proof leads there."""
    old, size = sizes
    forged = [*LEAVES]
    forged[changed % old] = hash_leaf(b"forged")
    made, checkpoint = submission(old, size, forged)

    with pytest.raises(RefusedError) as raised:
        judge(made, checkpoint, Seen(size=old, root=root(LEAVES[:old])))

    assert raised.value.status == (409 if old == size else 422)


@pytest.mark.parametrize(
    ("old", "size", "seen", "status"),
    [(3, 9, 5, 409), (0, 9, 5, 409), (5, 5, 7, 409), (9, 9, 0, 409)],
)
def test_who_stands_elsewhere_learns_where(old: int, size: int, seen: int, status: int) -> None:
    """A conflict tells the size that was cosigned last."""
    made, checkpoint = submission(old, size)

    with pytest.raises(RefusedError) as raised:
        judge(made, checkpoint, Seen(size=seen, root=root(LEAVES[:seen])))

    assert (raised.value.status, raised.value.size) == (status, seen)


@pytest.mark.parametrize(("old", "size"), [(0, 4), (4, 8), (8, 8)])
def test_a_proof_has_exactly_the_hashes_that_it_needs(old: int, size: int) -> None:
    """One hash too many proves nothing; from nothing, no proof is needed."""
    made, checkpoint = submission(old, size)
    longer = Submission(old=old, proof=[*made.proof, bytes(32)], note=made.note)

    with pytest.raises(RefusedError) as raised:
        judge(longer, checkpoint, Seen(size=old, root=root(LEAVES[:old])))

    assert raised.value.status == 422


GOOD = submission(4, 9)[0].text()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"new" + GOOD.encode()[3:],
        GOOD.replace("old 4", "old 04").encode(),
        GOOD.replace("old 4", "old -4").encode(),
        GOOD.replace("old 4", "old 10").encode(),
        GOOD.replace("old 4", "old 4 ").encode(),
        GOOD.replace("\n\n", "\n", 1).encode(),
        GOOD.replace("\no\n9\n", "\no\n09\n").encode(),
        GOOD.replace("=", "!", 1).encode(),
        GOOD.replace("old 4\n", "old 4\nAAAA\n").encode(),
        GOOD.replace("old 4\n", "old 4\n" + f"{'A' * 43}=\n" * 63).encode(),
    ],
)
def test_another_form_is_a_bad_request(body: bytes) -> None:
    """Whatever is no old size, at most 63 hashes and a checkpoint is refused before anything is looked up."""
    with pytest.raises(RefusedError) as raised:
        read_submission(body)

    assert raised.value.status == 400
