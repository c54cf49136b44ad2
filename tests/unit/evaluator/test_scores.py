"""The quality formulas, by vectors small enough to check by hand, and the page that states them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.core import measures, passage
from services.evaluator.core.quality import RUBRICS, Dimension, Score, has_failed, not_evaluated, report
from tests.unit.evaluator.strategies import SHARES

SCORING_PAGE = Path(__file__).parents[3] / "docs" / "scoring.md"


def at(cosine: float) -> list[float]:
    """Return a unit vector in the plane with this cosine to (1, 0)."""
    return [cosine, float(np.sqrt(1 - cosine**2))]


def measured(output: str, chunks: list[str], rows: list[list[float]]) -> dict[str, Score]:
    """Measure an answer whose texts have these vectors: query, output, sentences, chunks."""
    answer = measures.cut("query", output, chunks, max_chars=10_000)
    assert len(rows) == len(answer.texts)
    return {s.dimension: s for s in measures.measure(answer, np.array(rows, dtype=np.float32))}


@pytest.mark.spec("EVL-01")
@pytest.mark.parametrize(("cosine", "value"), [(-0.2, 0), (0.1, 0), (0.35, 0.5), (0.6, 1), (0.9, 1)])
def test_relevance_is_a_calibrated_cosine(cosine: float, value: float) -> None:
    """A cosine of 0.1 is worth nothing, 0.6 everything, in between it is linear."""
    score = measured("Yes.", [], [at(1), at(cosine), at(1)])["relevance"]

    assert score.value == pytest.approx(value, abs=1e-6)
    assert score.method == measures.RELEVANCE


@pytest.mark.spec("EVL-01")
def test_coherence_links_neighbours_and_counts_repetition_as_none() -> None:
    """Neighbours at 0.25 are half linked; a sentence said twice links nothing."""
    half = measured("One. Two.", [], [at(1), at(1), at(1), at(0.25)])["coherence"]
    twice = measured("One. One.", [], [at(1), at(1), at(1), at(1)])["coherence"]

    assert half.value == pytest.approx(0.5, abs=1e-6)
    assert twice.value == 0.0


@pytest.mark.spec("EVL-01")
def test_context_overlap_needs_meaning_words_and_figures() -> None:
    """Support is the mean of meaning and wording; a figure that no chunk has takes it away."""
    chunk = "Employees have 25 days of paid leave."
    same = [at(1), at(1), at(1), at(1)]

    assert measured("Employees have 25 days of leave.", [chunk], same)["context_overlap"].value == pytest.approx(1)
    assert measured("Employees have 40 days of leave.", [chunk], same)["context_overlap"].value == 0.0
    assert measured("Pilots fly planes.", [chunk], same)["context_overlap"].value == pytest.approx(0.5)


def test_what_cannot_be_measured_has_no_number() -> None:
    """One sentence, no chunk, no sentence: each has its reason and no value."""
    single = measured("Yes.", ["  "], [at(1), at(1), at(1)])
    wordless = measured("...", ["A chunk."], [at(1), at(1), at(1)])

    assert single["coherence"] == not_evaluated(Dimension.COHERENCE, "SINGLE_SENTENCE")
    assert single["context_overlap"] == not_evaluated(Dimension.CONTEXT_OVERLAP, "NO_CONTEXT")
    assert wordless["context_overlap"] == not_evaluated(Dimension.CONTEXT_OVERLAP, "NO_SENTENCE")


@pytest.mark.spec("EVL-01", "EVL-02")
@given(values=st.lists(st.none() | SHARES, min_size=5, max_size=5), rubric=st.sampled_from(sorted(RUBRICS)))
def test_overall_is_the_weighted_mean_of_what_was_evaluated(values: list[float | None], rubric: str) -> None:
    """Overall lies between the smallest and the largest score that exists, and absent scores do not count."""
    scores = [Score(dimension=name, value=value) for name, value in zip(Dimension, values, strict=True)]
    outcome = report(scores, RUBRICS[rubric])
    present = [value for value in values if value is not None]

    assert [score.dimension for score in outcome.scores] == list(Dimension)
    assert 0 <= outcome.coverage <= 1 + 1e-12
    if present:
        assert min(present) - 1e-9 <= outcome.overall <= max(present) + 1e-9
    else:
        assert (outcome.overall, outcome.passed) == (0.0, False)


@pytest.mark.spec("EVL-02")
@pytest.mark.parametrize(("value", "passed"), [(0.7, True), (0.6999, False)])
def test_the_pass_mark_is_inclusive(value: float, passed: bool) -> None:
    """A weighted mean of exactly the mark passes."""
    scores = [Score(dimension=name, value=value) for name in (Dimension.RELEVANCE, Dimension.COHERENCE)]

    assert report(scores, RUBRICS["general"]).passed is passed


def test_little_evidence_proves_nothing() -> None:
    """One perfect dimension alone is below the least coverage: it neither passes nor counts as failed."""
    outcome = report([Score(dimension=Dimension.RELEVANCE, value=1.0)], RUBRICS["general"])

    assert not outcome.passed
    assert not has_failed(overall=outcome.overall, coverage=outcome.coverage, passed=outcome.passed)
    assert has_failed(overall=0.2, coverage=0.65, passed=False)


@pytest.mark.spec("EVL-12")
def test_rubrics_are_whole() -> None:
    """The weights of each field of work sum to one."""
    for rubric in RUBRICS.values():
        assert sum(rubric.weights.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ("One.", "Two!", "Three?")),
        ('He said "no." Then left.', ('He said "no."', "Then left.")),
        ("- first\n- second\n\n---", ("- first", "- second")),
        ("Pi is 3.14 now.", ("Pi is 3.14 now.",)),
        ("一。二。 三。", ("一。", "二。", "三。")),
        ("", ()),
    ],
)
def test_sentences(text: str, parts: tuple[str, ...]) -> None:
    """Sentences end at marks followed by space and at line breaks; decimals do not end one."""
    assert passage.sentences(text) == parts


@given(text=st.text(max_size=300))
def test_cutting_never_fails(text: str) -> None:
    """Any text can be cut into sentences, words and numbers."""
    answer = measures.cut(text, text, [text], max_chars=50)
    assert all(len(part) <= 50 for part in answer.texts)
    assert passage.share_found(passage.content_words(text), [passage.content_words(text)]) == 1.0


@pytest.mark.spec("EVL-06")
def test_the_page_names_every_method_and_rubric() -> None:
    """docs/scoring.md states each formula under the id that replies carry."""
    page = SCORING_PAGE.read_text(encoding="utf-8")

    for named in (*measures.METHODS, *(rubric.rubric_id for rubric in RUBRICS.values())):
        assert f"`{named}`" in page


@given(
    st.text(st.sampled_from("a \n\x00\x08\x1b\x7f.é"), min_size=1, max_size=40).filter(str.strip),
    st.lists(st.text(st.sampled_from("a \n\x00\x1b"), max_size=40), max_size=3),
)
def test_whatever_a_model_writes_can_be_embedded(text: str, chunks: list[str]) -> None:
    """Control characters and long margins of white space, which the embedding service refuses, fail no score."""
    for embedded in measures.cut(text, " " * 20 + text, chunks, max_chars=10).texts:
        assert embedded.strip()
        assert len(embedded) <= 10
        assert not any(character < " " and not character.isspace() for character in embedded)
