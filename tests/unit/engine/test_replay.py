"""What a replay counts, which logs it reads, and how it names what made the difference."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.engine.core.decision import Sealed, Verdict
from services.engine.core.logs import logs_since
from services.engine.core.replay import Judged, LeftOut, Tally, is_stricter, moving_rules

NEWEST = "evidence/local/acme/2026h2"


@pytest.mark.parametrize(
    ("since", "logs"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), ["2026h2"]),
        (datetime(2026, 7, 1, tzinfo=UTC), ["2026h2"]),
        (datetime(2026, 6, 30, 23, 59, tzinfo=UTC), ["2026h1", "2026h2"]),
        (datetime(2025, 3, 1, tzinfo=UTC), ["2025h1", "2025h2", "2026h1", "2026h2"]),
        (datetime(2027, 3, 1, tzinfo=UTC), ["2026h2"]),
    ],
)
def test_the_logs_of_a_time(since: datetime, logs: list[str]) -> None:
    """From the half-year of the time to the newest log, oldest first; never none."""
    assert list(logs_since(NEWEST, since)) == [f"evidence/local/acme/{log}" for log in logs]


def test_a_time_before_all_logs_is_bounded() -> None:
    """The year 1 asks for no more logs than there can be."""
    assert len(logs_since(NEWEST, datetime(1, 1, 2, tzinfo=UTC))) == 54
    assert list(logs_since("elsewhere", datetime(2026, 1, 1, tzinfo=UTC))) == ["elsewhere"]


def judged(verdict: Verdict, *grounds: str) -> Judged:
    """Return a verdict with its grounds."""
    return Judged(verdict=verdict, grounds=grounds, adjudication=Sealed(None))


@pytest.mark.parametrize(
    ("before", "after", "rules"),
    [
        (judged(Verdict.ALLOW), judged(Verdict.DENY, "severe:rights"), ("severe:rights",)),
        (judged(Verdict.DENY, "severe:rights"), judged(Verdict.ALLOW), ("-severe:rights",)),
        (judged(Verdict.ABSTAIN, "few"), judged(Verdict.DENY, "severe:rights"), ("severe:rights",)),
        (
            judged(Verdict.ESCALATE, "clause:A1", "missing:truth"),
            judged(Verdict.CONSTRAINED_ALLOW, "clause:A1"),
            ("-missing:truth",),
        ),
        (judged(Verdict.ALLOW, "same"), judged(Verdict.DENY, "same"), ("same",)),
    ],
)
def test_the_rules_that_made_the_difference(before: Judged, after: Judged, rules: tuple[str, ...]) -> None:
    """New ones for a stricter verdict, lost ones for a milder one; never none."""
    assert moving_rules(before, after) == rules


@given(outcomes=st.lists(st.tuples(st.sampled_from(Verdict), st.sampled_from(Verdict)) | st.sampled_from(LeftOut)))
def test_totals_add_up(outcomes: list[tuple[Verdict, Verdict] | LeftOut]) -> None:
    """Every decision is counted once: unchanged, changed or left out."""
    tally = Tally()
    for outcome in outcomes:
        if isinstance(outcome, LeftOut):
            tally.leave(outcome)
        else:
            tally.count(*outcome)

    assert tally.examined == len(outcomes) == tally.unchanged + tally.changed + tally.left_out.total()
    assert tally.stricter <= tally.changed
    assert all(value.isdigit() for value in tally.facts.values())


@given(one=st.sampled_from(Verdict), other=st.sampled_from(Verdict))
def test_strictness_is_an_order(one: Verdict, other: Verdict) -> None:
    """Of two verdicts one is stricter, or they are the same."""
    assert (one is other) + is_stricter(one, other) + is_stricter(other, one) == 1
