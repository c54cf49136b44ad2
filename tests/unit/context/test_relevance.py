"""What counts as relevant, in which order, and how sure one may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.context.core.relevance import MIN_SIMILARITY, choose, confidence
from services.context.core.values import Candidate, Hit, SearchMode
from tests.unit.context.samples import candidate, hit


def _choose(candidates: list[Candidate], mode: SearchMode = SearchMode.HYBRID, *, k: int = 10) -> list[str]:
    hits = choose(candidates, k=k, mode=mode, min_similarity=MIN_SIMILARITY, mmr_lambda=1.0)
    return [h.chunk.text for h in hits]


@pytest.mark.spec("CTX-23")
@pytest.mark.parametrize(
    ("found", "relevant"),
    [
        (candidate("near", similarity=0.31, dense_rank=1), True),
        (candidate("far", similarity=0.29, dense_rank=1), False),
        (candidate("rare words", similarity=0.2, sparse_rank=1, coverage=0.7), True),
        (candidate("common words", similarity=0.2, sparse_rank=1, coverage=0.3), False),
        (candidate("words by chance", similarity=0.1, sparse_rank=1, coverage=0.9), False),
        (candidate("words, no embedding", similarity=None, sparse_rank=1, coverage=0.9), True),
        (candidate("found by nothing", similarity=0.9), False),
    ],
    ids=lambda value: value.chunk.text if isinstance(value, Candidate) else str(value),
)
def test_only_what_is_relevant_is_shown(found: Candidate, relevant: bool) -> None:
    """A chunk is near in meaning, or has most of the question's rare words; nothing else is context."""
    assert ([found.chunk.text] if relevant else []) == _choose([found])


@pytest.mark.spec("CTX-21")
def test_modes_choose_the_searches() -> None:
    """Dense ignores words, sparse ignores meaning, hybrid puts what both found first."""
    both = candidate("both", dense_rank=2, sparse_rank=2, coverage=0.8)
    dense = candidate("dense", dense_rank=1)
    sparse = candidate("sparse", similarity=0.2, sparse_rank=1, coverage=0.8)

    assert _choose([sparse, dense, both], SearchMode.HYBRID) == ["both", "dense", "sparse"]
    assert _choose([sparse, dense, both], SearchMode.DENSE) == ["dense", "both"]
    assert _choose([sparse, dense, both], SearchMode.SPARSE) == ["sparse", "both"]


def test_the_same_text_is_shown_once() -> None:
    """Two documents with the same chunk give it once, from the better place."""
    one, two = candidate("same", dense_rank=2), candidate("same", dense_rank=1)

    assert _choose([one, two], k=5) == ["same"]


@pytest.mark.spec("CTX-26")
@given(similarities=st.tuples(st.floats(-1, 1), st.floats(-1, 1)))
def test_confidence_never_falls_as_the_best_hit_improves(similarities: tuple[float, float]) -> None:
    """Confidence is monotone in the top similarity and stays in 0 to 1."""
    low, high = (confidence([hit(similarity=s)]) for s in sorted(similarities))

    assert 0.0 <= low <= high <= 1.0


@pytest.mark.spec("CTX-26")
def test_confidence_is_no_constant() -> None:
    """Nothing found is 0, and a good hit is far from a poor one."""
    hits: list[Hit] = []

    assert confidence(hits) == 0.0
    assert confidence([hit(similarity=0.8)]) - confidence([hit(similarity=0.3)]) > 0.5
