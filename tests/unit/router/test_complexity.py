"""Golden table of the adaptive score, in whole tenths."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.strategy import complexity
from services.router.core.strategy.adaptive import needed_strength

LIGHT, MIDDLE, STRONG = 0, 1, 2
GOLDEN = [
    # (more than 50 words, keyword, success below 0.7, more than 3 tools), tenths, strength
    ((False, False, False, False), 0, LIGHT),
    ((True, False, False, False), 3, MIDDLE),
    ((True, True, False, False), 5, MIDDLE),
    ((False, True, True, False), 5, MIDDLE),
    ((True, True, False, True), 7, STRONG),
    ((False, True, True, True), 7, STRONG),
    ((True, False, False, True), 5, MIDDLE),
    ((True, True, True, True), 10, STRONG),
]


def found(words: bool, keyword: bool, badly_served: bool, tools: bool) -> complexity.Complexity:
    """Return the complexity of a question with these traits."""
    query = " ".join(["word"] * (51 if words else 20) + ["Comprehensive!"] * keyword)
    return complexity.of(query, success_rate=0.6 if badly_served else 0.7, tool_count=4 if tools else 3)


@pytest.mark.spec("RTR-13", "RTR-14")
@pytest.mark.parametrize(("traits", "tenths", "strength"), GOLDEN)
def test_golden_table(traits: tuple[bool, bool, bool, bool], tenths: int, strength: int) -> None:
    """Each row has its score and strength; 0.3 is middle and 0.7 is strong."""
    scored = found(*traits)
    assert (scored.tenths, needed_strength(scored)) == (tenths, strength)
    assert len(scored.why) == sum(traits)


@pytest.mark.spec("RTR-13")
def test_every_combination_is_the_sum_of_its_parts() -> None:
    """No combination is forgotten, and none is above 1."""
    for traits in product((False, True), repeat=4):
        assert found(*traits).tenths == min(10, sum(t * s for t, s in zip((3, 2, 3, 2), traits, strict=True)))
        assert found(*traits).score <= 1


@pytest.mark.parametrize(
    ("query", "tenths"),
    [
        (" ".join(["word"] * 50), 0),
        (" ".join(["word"] * 51), 3),
        ("a DETAILED answer", 2),
        ("complex, detailed and comprehensive", 2),
        ("complexity and detail", 0),
    ],
)
def test_borders_of_words_and_keywords(query: str, tenths: int) -> None:
    """50 words are few, 51 are many; a keyword counts as a whole word, in any case, once."""
    assert complexity.of(query, success_rate=None, tool_count=0).tenths == tenths


@given(st.text(max_size=5_000), st.one_of(st.none(), st.floats(0, 1)), st.integers(0, 1_000))
def test_any_question_has_a_score(query: str, success: float | None, tools: int) -> None:
    """From 0 to 1."""
    assert 0 <= complexity.of(query, success_rate=success, tool_count=tools).score <= 1
