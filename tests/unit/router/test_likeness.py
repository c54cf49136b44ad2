"""Which answers say the same, with the cosine that the mesh's own embedding model gives them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core import likeness

SAME_WORDS = [
    ("25 days.", "25 days"),
    ("**Yes**, it is.", "yes it is"),
    ("Purchases above 5,000", "purchases above 5000"),
    ("twenty-five days", "25 days"),
    ("2.50", "2.5"),
    ('{"a": 1, "b": 2}', '{ "b":2, "a":1 }'),
    ("", " \n"),
]
OTHER_WORDS = [
    ("25 days", "28 days"),
    ("-5", "5"),
    ("5 %", "5"),
    ("a < b", "a > b"),
    ('{"a": 1}', '{"a": 2}'),
    ('{"a": 1}', "a 1"),
    ("Paris", "Lyon"),
]
AGREE = [
    ("You have 25 days of leave a year.", "Employees get 25 days of annual leave."),
    (
        "Within 14 days after delivery you can ask for a refund.",
        "The refund must be asked for within fourteen days of delivery.",
    ),
    ("Paris is the capital of France.", "The capital of France is Paris."),
    ("Contractors are permitted to use the VPN, yes.", "Yes, contractors may use the VPN."),
    ("Report it to security within 1 hour.", "The incident must be reported to the security team within one hour."),
]
DISAGREE = [
    ("You have 25 days of leave a year.", "You have 28 days of leave a year."),
    ("You have 25 days of leave a year.", "The yearly leave of an employee is 28 days."),
    ("Contractors may use the VPN.", "Contractors may not use the VPN."),
    ("Contractors can use it.", "Contractors can't use it."),
    ("Purchases above 5,000 euros need quotes.", "Quotes are needed for purchases below 5,000 euros."),
    ("Rome is bigger than Berlin.", "Berlin is bigger than Rome."),
    ("Ask for the refund by phone.", "Ask for the refund by letter."),
    ("Option A is better.", "Option B is better."),
    ("Yes.", "No."),
    ("Revenue rose by 12%.", "Revenue, by 12%, fell."),
    ('{"allowed": true}', '{"allowed": false}'),
]


@pytest.mark.spec("RTR-19")
@pytest.mark.parametrize(("one", "other"), SAME_WORDS)
def test_the_same_words_are_equal_however_they_are_set(one: str, other: str) -> None:
    """Case, marks, layout, grouped digits and spelled numbers aside."""
    assert likeness.equal(one, other)


@pytest.mark.spec("RTR-19", "T24")
@pytest.mark.parametrize(("one", "other"), OTHER_WORDS)
def test_other_words_are_not(one: str, other: str) -> None:
    """A number, a sign or a name makes another answer."""
    assert not likeness.equal(one, other)


@pytest.mark.spec("RTR-19")
@pytest.mark.parametrize(("one", "other"), AGREE)
def test_paraphrases_may_be_compared_by_meaning(one: str, other: str) -> None:
    """Nothing keeps them apart, so their cosine decides."""
    near, far = [[1.0, 0.0], [0.8, 0.6]], [[1.0, 0.0], [0.6, 0.8]]
    assert likeness.groups([one, other], near, similarity=0.8) == [0, 0]
    assert likeness.groups([one, other], far, similarity=0.8) == [0, 1]
    assert likeness.groups([one, other], None, similarity=0.8) == [0, 1]


@pytest.mark.spec("RTR-19", "T24", "C7")
@pytest.mark.parametrize(("one", "other"), DISAGREE)
def test_answers_that_contradict_are_apart_even_with_equal_vectors(one: str, other: str) -> None:
    """Numbers, negations, opposites and a swapped word are never bridged by a cosine."""
    assert likeness.groups([one, other], [[1.0], [1.0]], similarity=0.8) == [0, 1]
    assert not likeness.compatible(other, one)


def test_a_text_joins_the_first_group_whose_founder_it_is_like() -> None:
    """Likeness does not chain: the third is like the second but not like the founder."""
    vectors = [[1.0, 0.0], [0.8, 0.6], [0.28, 0.96]]
    assert likeness.groups(["red", "scarlet", "crimson shade"], vectors, similarity=0.8) == [0, 0, 1]


@given(st.lists(st.text(max_size=300), min_size=1, max_size=5))
def test_any_texts_fall_into_groups(texts: list[str]) -> None:
    """Every text is in one group, numbered from 0 without gaps, and the same text is in the same group."""
    found = likeness.groups(texts, [[1.0]] * len(texts), similarity=0.8)
    assert sorted(set(found)) == list(range(max(found) + 1))
    assert len({(text, number) for text, number in zip(texts, found, strict=True)}) == len(set(texts))


@given(st.text(max_size=20_000))
def test_a_long_answer_is_compared_in_pieces(text: str) -> None:
    """No piece is longer than the model reads, and nothing of the first 16,000 characters is lost."""
    pieces = likeness.pieces(text)
    assert all(0 < len(piece) <= likeness.PIECE_CHARACTERS for piece in pieces)
    assert "".join(pieces) == text[: likeness.PIECE_CHARACTERS * likeness.MAX_PIECES]


def test_the_mean_of_directions_has_length_one() -> None:
    """Two directions at a right angle meet in the middle; none has no length to divide by."""
    assert likeness.mean([[1.0, 0.0], [0.0, 1.0]]) == pytest.approx([0.5**0.5, 0.5**0.5])
    assert likeness.mean([[1.0], [-1.0]]) == [0.0]
