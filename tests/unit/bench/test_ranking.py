"""Quality of rankings."""

import pytest

from tools.bench.ranking import mean_scores, ndcg


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        (["a", "b"], 1.0),
        (["b", "a", "x"], 1.0),
        (["x", "a"], (1 / 1.5849625) / (1 + 1 / 1.5849625)),
        (["x", "y"], 0.0),
        ([], 0.0),
    ],
)
def test_ndcg_of_known_rankings(ranking: list[str], expected: float) -> None:
    """The gain of a rank is 1 / log2(rank + 1), over the best possible sum."""
    assert ndcg(ranking, {"a", "b"}, depth=10) == pytest.approx(expected)


def test_means_are_over_questions_and_depth_cuts() -> None:
    """Each question counts the same; what stands below the depth does not count."""
    gain, recall = mean_scores({"1": ["a"], "2": ["x", "b"]}, {"1": {"a"}, "2": {"b", "c"}}, depth=1)

    assert (gain, recall) == (0.5, 0.5)
