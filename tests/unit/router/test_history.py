"""What is concluded from a user's answers."""

import pytest

from services.router.core.history import is_good, success_rate


@pytest.mark.spec("RTR-14")
@pytest.mark.parametrize(
    ("good", "answers", "rate"), [(0, 4, None), (0, 5, 0.0), (5, 5, 1.0), (6, 10, 0.6), (0, 1, None)]
)
def test_a_share_is_concluded_from_five_answers_on(good: int, answers: int, rate: float | None) -> None:
    """Fewer are no history."""
    assert success_rate(good=good, answers=answers) == rate


@pytest.mark.spec("RTR-14")
@pytest.mark.parametrize(("score", "good"), [(0.0, False), (0.699, False), (0.7, True), (1.0, True)])
def test_an_answer_is_good_from_the_mark_at_which_quality_passes(score: float, good: bool) -> None:
    """0.7 itself is good."""
    assert is_good(score) is good
