"""How time is split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import Kind, WorldError
from services.engine.core.budget import Limits, allowance
from services.engine.core.decision import STAGES

SECONDS = st.floats(min_value=0.05, max_value=120)


@pytest.mark.spec("ENG-13")
@pytest.mark.parametrize(
    ("stage", "total_s", "remaining_s", "allowed_s"),
    [
        ("screen", 30, 30, 5.0),
        ("context", 0.3, 0.3, 0.09),
        ("route", 30, 30, 28.0),
        ("route", 0.3, 0.3, 0.276),
        ("review", 30, 20, 10.0),
        ("adjudicate", 30, 1.0, 0.5),
        ("record", 30, 0.5, 0.3),
    ],
)
def test_allowances(stage: str, total_s: float, remaining_s: float, allowed_s: float) -> None:
    """Each stage gets what is left, less what the later ones need, and no more than its limit."""
    assert allowance(stage, total_s=total_s, remaining_s=remaining_s, limits=Limits()) == pytest.approx(allowed_s)


@given(stage=st.sampled_from(STAGES), total=SECONDS, share=st.floats(min_value=0, max_value=1))
def test_no_stage_gets_more_than_is_left(stage: str, total: float, share: float) -> None:
    """A stage gets a positive time within what is left, or the call has run out of time."""
    try:
        allowed_s = allowance(stage, total_s=total, remaining_s=share * total, limits=Limits())
    except WorldError as error:
        assert error.kind is Kind.DEADLINE  # noqa: PT017 - both outcomes are right
    else:
        assert 0 < allowed_s <= share * total


@pytest.mark.spec("ENG-10", "ENG-13")
@given(total=SECONDS, share=st.floats(min_value=0.01, max_value=1))
def test_judges_that_hang_leave_time_for_the_evidence(total: float, share: float) -> None:
    """Where every judge takes all it may, a quarter of the time since the answer remains to record that."""
    after_answer = left = share * total
    for stage in ("review", "adjudicate"):
        left -= allowance(stage, total_s=total, remaining_s=left, limits=Limits())

    assert left >= after_answer / 4
