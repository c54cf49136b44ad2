"""The records of an erasure name every erased index, in as few envelopes as it takes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recorder.core.custody import BodyState, state_of
from services.recorder.core.envelope import Stamp, check, write
from services.recorder.core.erasure import drafts, identity, ranges

STAMP = Stamp(recorded_at=datetime(2026, 11, 20, tzinfo=UTC), salt=b"s" * 32, body_digest=b"d" * 32)
LONGEST = "evidence/" + "d" * 64 + "/" + "t" * 64 + "/2026h2"
indexes = st.sets(st.integers(0, 10**12), min_size=1, max_size=600).map(sorted)


def read(line: str) -> list[int]:
    """Read ranges back."""
    bounds = [part.split("-") for part in line.split(",")]
    return [index for bound in bounds for index in range(int(bound[0]), int(bound[-1]) + 1)]


@given(wanted=st.sets(st.integers(0, 60)).map(sorted))
def test_ranges_name_every_index_once(wanted: list[int]) -> None:
    """Runs are joined, nothing is left out or added."""
    assert [index for part in ranges(wanted) for index in read(part)] == wanted


@pytest.mark.spec("REC-15")
@given(first=indexes, second=indexes)
def test_every_index_is_named(first: list[int], second: list[int]) -> None:
    """However many there are, each is named once, with its log, in envelopes that keep every limit."""
    made = drafts("acme", "b" * 200, "i" * 32, {LONGEST: first, "evidence/x": second})

    named = dict[str, list[int]]()
    for draft in made:
        write(check(draft), STAMP)
        for name, line in draft.attributes.items():
            if name.startswith("records."):
                origin, _, part = line.partition(" ")
                named.setdefault(origin, []).extend(read(part))
    assert named == {LONGEST: first, "evidence/x": second}
    assert len({draft.idempotency_key for draft in made}) == len(made)
    assert {draft.attributes["erased_count"] for draft in made} == {str(len(first) + len(second))}


def test_identity_tells_calls_and_people_apart() -> None:
    """Another call, or the same call about someone else, is another erasure."""
    assert len({identity("a", b"1"), identity("b", b"1"), identity("a", b"2")}) == 3


@pytest.mark.parametrize(
    ("sealed", "key_id", "known", "wrapped", "state"),
    [
        (b"s", b"k", True, b"w", BodyState.PRESENT),
        (b"s", None, False, None, BodyState.PRESENT),
        (b"s", b"k", True, None, BodyState.ERASED),
        (b"", None, False, None, BodyState.ERASED),
        (b"s", b"k", False, None, BodyState.KEY_MISSING),
        (None, None, False, None, BodyState.EXPIRED),
        (None, b"k", True, None, BodyState.EXPIRED),
    ],
)
def test_what_became_of_a_body(
    sealed: bytes | None, key_id: bytes | None, known: bool, wrapped: bytes | None, state: BodyState
) -> None:
    """Each way to lose a body has its own name."""
    assert state_of(sealed=sealed, key_id=key_id, known=known, wrapped=wrapped) is state
