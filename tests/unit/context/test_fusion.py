"""Fusing rankings and choosing a diverse few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.context.core.fusion import diversify, reciprocal_rank

_SCORES = st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=12)


def _unit(rows: list[list[float]]) -> np.ndarray:
    matrix = np.array(rows, dtype=np.float32)
    unit: np.ndarray = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return unit


@pytest.mark.spec("CTX-21")
@pytest.mark.parametrize(
    ("ranks", "score"),
    [((1, 1), 2 / 61), ((1, 0), 1 / 61), ((0, 3), 1 / 63), ((0, 0), 0.0), ((2, 40), 1 / 62 + 1 / 100)],
)
def test_reciprocal_rank_fusion(ranks: tuple[int, int], score: float) -> None:
    """The score is the sum of 1 / (60 + rank) over the searches that found the item."""
    assert reciprocal_rank(*ranks) == pytest.approx(score)


@pytest.mark.spec("CTX-22")
@given(scores=_SCORES, k=st.integers(min_value=1, max_value=12), data=st.data())
def test_lambda_one_is_the_plain_top_k(scores: list[float], k: int, data: st.DataObject) -> None:
    """Without a wish for diversity the best k come in their order, ties to the earlier."""
    vectors = data.draw(arrays(np.float32, (len(scores), 3), elements=st.floats(-1, 1, width=32)))

    plain = sorted(range(len(scores)), key=lambda i: -scores[i])[:k]

    assert tuple(plain) == diversify(scores, vectors, k=k, mmr_lambda=1.0)


@pytest.mark.spec("CTX-22")
def test_near_duplicates_are_dropped() -> None:
    """Of chunks that say the same only the best is chosen, whatever room there is."""
    vectors = _unit([[1, 0, 0], [1, 0.001, 0], [0, 1, 0], [1, 0, 0.002]])

    assert diversify([1.0, 0.9, 0.5, 0.8], vectors, k=4) == (0, 2)


@pytest.mark.spec("CTX-22")
def test_lower_lambda_prefers_what_is_different() -> None:
    """A slightly worse chunk on another matter comes before a better one on the same matter."""
    vectors = _unit([[1, 0], [0.8, 0.6], [0, 1]])

    assert diversify([1.0, 0.9, 0.8][:3], vectors, k=2, mmr_lambda=0.3) == (0, 2)


@given(scores=_SCORES, k=st.integers(min_value=1, max_value=12), balance=st.floats(min_value=0, max_value=1))
def test_a_choice_is_never_repeated_and_never_too_long(scores: list[float], k: int, balance: float) -> None:
    """At most k items, each once."""
    chosen = diversify(scores, np.eye(len(scores), dtype=np.float32), k=k, mmr_lambda=balance)

    assert len(chosen) == len(set(chosen)) == min(k, len(scores))
