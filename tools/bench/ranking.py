"""Quality of rankings against judgements that are yes or no."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from statistics import fmean


def mean_scores(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, AbstractSet[str]], *, depth: int
) -> tuple[float, float]:
    """Return nDCG and recall at ``depth``, each the mean over all questions."""
    gains = [ndcg(ranking[:depth], relevant[topic], depth=depth) for topic, ranking in rankings.items()]
    recalls = [len(set(r[:depth]) & relevant[t]) / len(relevant[t]) for t, r in rankings.items()]
    return fmean(gains), fmean(recalls)


def ndcg(ranking: Sequence[str], relevant: AbstractSet[str], *, depth: int) -> float:
    """Return the discounted gain of ``ranking`` over that of the best possible one (Järvelin and Kekäläinen, 2002)."""
    gain = sum(1.0 / math.log2(place + 1) for place, found in enumerate(ranking, start=1) if found in relevant)
    best = sum(1.0 / math.log2(place + 1) for place in range(1, min(depth, len(relevant)) + 1))
    return gain / best
