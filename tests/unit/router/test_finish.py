"""What is taken off an answer, and what never is."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.finish import Finishing, Step, finish

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


MODEL_LIKE = st.lists(
    st.sampled_from(
        [" ", "\n", "\t", "**", ":", "Answer", "RESPONSE", "a", "\u017f", "<", "</", "question", "notes>", ">"]
    ),
    max_size=12,
).map("".join)
"""Texts made of what steps look for."""
TEXTS = st.one_of(MODEL_LIKE, st.text(max_size=200))
ANY_STEPS = st.lists(st.sampled_from(Step), max_size=4)


@pytest.mark.spec("ENG-26")
@given(TEXTS, st.permutations(list(Step)))
def test_nothing_is_added_and_no_answer_is_lost(text: str, steps: list[Step]) -> None:
    """Every word that stays was there, and a text with words keeps some."""
    finished = finish(text, steps)
    assert len(finished) <= len(text)
    assert bool(finished.strip()) is bool(text.strip())
    assert finish(text, ()) == text


BY_PATTERN: dict[Step, Callable[[str], str]] = {
    Step.TRIM: str.strip,
    Step.DELIMITERS: lambda text: re.sub(
        r"^[ \t]*</?(?:question|context|notes)>[ \t]*(?:\n|\Z)", "", text, flags=re.MULTILINE
    ),
    Step.LABEL: lambda text: re.sub(
        r"\A\s*(?:\*\*)?(?ai:answer|assistant|response)(?:\*\*)?\s*:(?:\*\*)?\s*(?=\S)", "", text
    ),
}
"""The same steps on a whole text."""


@pytest.mark.spec("ENG-26", "PRV-13")
@given(TEXTS, ANY_STEPS, st.lists(st.integers(0, 40), max_size=8))
def test_an_answer_in_pieces_ends_as_the_same_text(text: str, steps: list[Step], cuts: list[int]) -> None:
    """Wherever it is cut, and in whatever order the steps come, it is what they make of the whole."""
    whole = text
    for step in steps:
        whole = BY_PATTERN[step](whole)
    whole = whole if whole.strip() else text
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    finishing = Finishing(steps)
    pieces = [finishing.add(text[start:end]) for start, end in pairwise(places)]

    assert "".join(pieces) + finishing.end() == whole
    assert finish(text, steps) == whole


@pytest.mark.spec("PRV-13")
def test_what_cannot_be_taken_off_is_not_held() -> None:
    """A reader waits for no more than blank space, the begin of a label, and lines that begin like a delimiter."""
    finishing = Finishing(ALL)
    pieces = ("\n", "Ans", "wer", ":", " 25", " days", " <", "b>.", "\n<que", "stion>", "\n", "</", "p>")

    assert [finishing.add(piece) for piece in pieces] == [
        *("", "", "", "", "25", " days", " <", "b>.", "", "", "", "", "\n</p>"),
    ]
    assert finishing.end() == ""
