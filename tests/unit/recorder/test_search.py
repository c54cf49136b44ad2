"""A search looks at every record that can be meant, once, in the order of the log."""

from datetime import UTC, datetime
from itertools import chain, pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.recorder.core.envelope import Draft, Stamp, write
from services.recorder.core.search import BLOCK, GROWTH, Fact, blocks, parts, runs

indexes = st.integers(0, 40 * BLOCK)


@given(start=indexes, length=indexes)
def test_parts_make_up_the_run(start: int, length: int) -> None:
    """They follow one another without gap, are cut between blocks, and each is larger than the one before."""
    run = range(start, start + length)

    found = list(parts(run))

    assert list(chain.from_iterable(found)) == list(run)
    assert all(part.stop % BLOCK == 0 for part in found[:-1])
    assert all(len(blocks(after)) == GROWTH * len(blocks(before)) for before, after in pairwise(found[:-1]))


def test_few_parts_make_up_a_long_log() -> None:
    """Five million records are ten statements at most for what is not there."""
    assert len(list(parts(range(5_000_000)))) <= 10


@given(st.sets(st.integers(0, 60)))
def test_runs_are_the_blocks(numbers: set[int]) -> None:
    """Neighbouring blocks are one run, and nothing is left out or added."""
    found = runs(sorted(numbers))

    assert [number for run in found for number in blocks(run)] == sorted(numbers)
    assert all(before.stop < after.start for before, after in pairwise(found))


names = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True)


@given(facts=st.dictionaries(names, st.text(max_size=12), max_size=4))
def test_a_record_holds_the_marks_of_its_facts(facts: dict[str, str]) -> None:
    """No record that has a fact is passed over for its bytes, whatever characters the fact has."""
    draft = Draft(
        tenant="acme",
        idempotency_key="key",
        kind="DECISION",
        decision_id="",
        subject_id="",
        payload=b"",
        content_type="",
        attributes=facts,
    )
    envelope = write(draft, Stamp(recorded_at=datetime(2026, 7, 1, tzinfo=UTC), salt=bytes(32), body_digest=bytes(32)))

    for name, value in facts.items():
        assert Fact(name=name, value=value).mark in envelope
        assert Fact(name=name).mark in envelope
