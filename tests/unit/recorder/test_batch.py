"""What a transaction writes, and when it begins."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.recorder.core.batch import Entry, Window, plan
from services.recorder.core.custody import WrappedKey
from services.recorder.core.merkle import Frontier, hash_leaf

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RECORDS = [(n, hash_leaf(str(n).encode()), str(n).encode()) for n in range(9)]


def entry(key: str) -> Entry:
    """Return an entry."""
    return Entry(
        tenant="acme",
        origin="o",
        key=key,
        leaf=hash_leaf(key.encode()),
        envelope=key.encode(),
        sealed=b"",
        data_key=WrappedKey(id=key.encode().rjust(16), tenant_key=1, wrapped=b"w"),
        kind="DECISION",
        decision_id="",
        content_type="a/b",
        intent="",
        occurred_at=NOW,
        recorded_at=NOW,
    )


@pytest.mark.spec("REC-09")
@given(
    size=st.integers(0, 9), keys=st.lists(st.sampled_from("abcdef"), max_size=12), known=st.sets(st.sampled_from("abc"))
)
def test_each_new_key_once_in_order(size: int, keys: list[str], known: set[str]) -> None:
    """Only new keys are written, each once, behind the head and in the order of arrival."""
    head = Frontier().extend(leaf for _, leaf, _ in RECORDS[:size]).frontier

    planned = plan(head, [entry(key) for key in keys], known)

    assert [e.key for e in planned.fresh] == [key for key in dict.fromkeys(keys) if key not in known]
    assert planned.first_index == size
    assert planned.frontier == head.extend(e.leaf for e in planned.fresh).frontier


@pytest.mark.parametrize(
    ("records", "expected", "age_s", "wait_s"),
    [
        (1, 1, 0.0, 0.0),
        (1, 9, 0.0, 0.005),
        (8, 9, 0.004, 0.001),
        (9, 9, 0.0, 0.0),
        (8, 9, 0.006, 0.0),
        (200, 900, 0.0, 0.0),
    ],
)
def test_waiting(records: int, expected: int, age_s: float, wait_s: float) -> None:
    """A batch waits for as many as came last time, at most 5 ms, never beyond 200."""
    assert Window().wait_s(records=records, expected=expected, age_s=age_s) == pytest.approx(wait_s)


def test_full_by_bytes_too() -> None:
    """Few large records close a batch as many small ones do."""
    assert Window(max_bytes=10).full(records=1, size_bytes=10)
    assert not Window(max_bytes=10).full(records=1, size_bytes=9)
