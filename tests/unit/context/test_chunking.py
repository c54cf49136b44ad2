"""Cutting texts into overlapping pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.context.core.chunking import OVERLAP, SIZE, split

_TEXTS = st.text(alphabet=st.sampled_from("ab .\n?é漢"), max_size=400)
_PROSE = "One sentence here. Another one follows! Does a third? Yes.\n\n"


@st.composite
def _limits(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(min_value=1, max_value=60))
    return size, draw(st.integers(min_value=0, max_value=size - 1))


@pytest.mark.spec("CTX-24")
@given(text=_TEXTS, limits=_limits())
def test_every_character_is_covered_with_exact_overlap(text: str, limits: tuple[int, int]) -> None:
    """Pieces can be joined to the text again, share exactly the overlap, fit the size, and stand where they say."""
    size, overlap = limits

    pieces = split(text, size=size, overlap=overlap)

    assert text == "".join(p.text if i == 0 else p.text[overlap:] for i, p in enumerate(pieces))
    assert all(p.text == text[p.start : p.end] and 0 < len(p.text) <= size for p in pieces)
    assert all(after.start == before.end - overlap for before, after in pairwise(pieces))
    if pieces:
        assert (0, len(text)) == (pieces[0].start, pieces[-1].end)


@pytest.mark.spec("CTX-24")
@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("a" * 60 + "\n\n" + "b" * 60, "\n\n"),
        ("a" * 60 + "\n" + "b" * 60, "\n"),
        ("a" * 55 + ". b" + "b" * 60, ". "),
        ("a" * 60 + " " + "b" * 60, " "),
        ("a" * 60 + " a\n\n" + "b" * 30 + " " + "b" * 60, "\n\n"),
        ("a" * 120, "a"),
    ],
)
def test_a_piece_ends_at_the_coarsest_separator(text: str, ending: str) -> None:
    """A paragraph is a better end than a line, a line than a sentence, a sentence than a word, a word than none."""
    assert split(text, size=100, overlap=20)[0].text.endswith(ending)


def test_defaults_are_those_of_the_spec() -> None:
    """A long text is cut into pieces of at most 1000 characters that share 200."""
    pieces = split(_PROSE * 100)

    assert (SIZE, OVERLAP) == (1000, 200)
    assert all(len(p.text) <= 1000 for p in pieces)
    assert pieces[0].text[-200:] == pieces[1].text[:200]


def test_an_empty_text_has_no_pieces() -> None:
    """Nothing in, nothing out."""
    assert split("") == ()


@pytest.mark.parametrize(("size", "overlap"), [(10, 10), (10, 11), (10, -1), (0, 0)])
def test_an_overlap_that_never_ends_is_refused(size: int, overlap: int) -> None:
    """The overlap is at least 0 and below the size."""
    with pytest.raises(ValueError, match="overlap must be"):
        split("text", size=size, overlap=overlap)
