"""What is taken off an answer, and what never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.finish import Step, finish

ALL = (Step.DELIMITERS, Step.LABEL, Step.TRIM)


@pytest.mark.spec("ENG-26")
@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("25 days.", "25 days."),
        ("  25 days.\n\n", "25 days."),
        ("</context>\n25 days.", "25 days."),
        ("25 days.\n</question>", "25 days."),
        ("Answer: 25 days.", "25 days."),
        ("**Answer:** 25 days.", "25 days."),
        ("ASSISTANT:\n25 days.", "25 days."),
        ("The tag <context> holds it.", "The tag <context> holds it."),
        ("The answer: 25 days.", "The answer: 25 days."),
        ("Answer:", "Answer:"),
        ("<notes>\n</notes>", "<notes>\n</notes>"),
        (" ", " "),
    ],
)
def test_only_what_the_model_added_goes(text: str, finished: str) -> None:
    """Delimiters on lines of their own, a label in front, blank space; an answer is never emptied."""
    assert finish(text, ALL) == finished


@pytest.mark.spec("ENG-26")
@given(st.text(max_size=500), st.permutations(list(Step)))
def test_nothing_is_added_and_no_answer_is_lost(text: str, steps: list[Step]) -> None:
    """Every word that stays was there, and a text with words keeps some."""
    finished = finish(text, steps)
    assert len(finished) <= len(text)
    assert bool(finished.strip()) is bool(text.strip())
    assert finish(text, ()) == text
