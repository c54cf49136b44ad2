"""Fuse two rankings and choose a diverse best few (spec rows CTX-21, CTX-22)."""

from collections.abc import Sequence

import numpy as np

from services.context.core.values import Matrix

RRF_K = 60
"""Constant of reciprocal rank fusion (spec 3: sum of 1 / (60 + rank))."""
MMR_LAMBDA = 0.5
"""Balance of relevance (1) and diversity (0) (spec row CTX-22)."""
NEAR_DUPLICATE = 0.97
"""Cosine from which two chunks say the same; only the better one is chosen."""


def reciprocal_rank(*ranks: int) -> float:
    """Return the fused score of an item: the sum of 1 / (60 + rank) over its searches; rank 0 means not found."""
    return sum(1.0 / (RRF_K + rank) for rank in ranks if rank > 0)


def diversify(
    relevance: Sequence[float], vectors: Matrix, *, k: int, mmr_lambda: float = MMR_LAMBDA
) -> tuple[int, ...]:
    """Return the indices of at most ``k`` items by maximal marginal relevance (Carbonell and Goldstein, 1998).

    Relevance is scaled to 0..1 over the items given, and redundancy is the greatest cosine with an item chosen before.
    With lambda 1 the result is the plain top k; below it near duplicates of a chosen item are left out. Ties go to the
    earlier item.
    """
    scaled = _scale(np.asarray(relevance, dtype=np.float64))
    redundancy = np.zeros(len(scaled))
    free = np.ones(len(scaled), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < k and free.any():
        gain = np.where(free, mmr_lambda * scaled - (1.0 - mmr_lambda) * redundancy, -np.inf)
        best = int(np.argmax(gain))
        chosen.append(best)
        free[best] = False
        redundancy = np.maximum(redundancy, vectors @ vectors[best])
        if mmr_lambda < 1.0:
            free &= redundancy < NEAR_DUPLICATE
    return tuple(chosen)


def _scale(values: np.ndarray) -> np.ndarray:
    """Scale to 0..1; values that are all alike become all 1."""
    if not len(values) or np.ptp(values) == 0.0:
        return np.ones_like(values)
    scaled: np.ndarray = (values - values.min()) / np.ptp(values)
    return scaled
