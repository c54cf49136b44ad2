"""Decide which found chunks are relevant enough to be shown, in which order, and how far to trust the result.

The numbers were measured for all-MiniLM-L6-v2 with `tools/bench/retrieval.py`: the 0.7 of spec row CTX-23 leaves 35 of
52 answerable questions without context, 0.3 leaves none and turns away 8 of 10 questions on other matters.
"""

import math
from collections.abc import Sequence

import numpy as np

from services.context.core import fusion
from services.context.core.values import Candidate, Hit, SearchMode

MIN_SIMILARITY = 0.3
"""Cosine that a chunk found by meaning alone must have."""
MIN_COVERAGE = 0.6
"""Share of the question's words, weighed by rarity, that makes up for a cosine below the least one."""
CHANCE_SIMILARITY = 0.15
"""Cosine below which shared words are taken for chance; three in five unrelated pairs lie below it."""
_STEEPNESS = 12.0
_MIDDLE = 0.45
"""Cosine at which the confidence is one half."""


def choose(
    candidates: Sequence[Candidate], *, k: int, mode: SearchMode, min_similarity: float, mmr_lambda: float
) -> tuple[Hit, ...]:
    """Return at most ``k`` relevant, different chunks, best first: no two with the same text (spec 3)."""
    relevant = [c for c in candidates if _found(c, mode) and _relevant(c, mode, min_similarity)]
    ranked = _without_copies(sorted(relevant, key=lambda c: (-_fused(c, mode), c.chunk.chunk_id)))
    if not ranked:
        return ()
    scores = [_fused(c, mode) for c in ranked]
    order = fusion.diversify(scores, np.stack([c.vector for c in ranked]), k=k, mmr_lambda=mmr_lambda)
    return tuple(_hit(ranked[i], scores[i]) for i in order)


def confidence(hits: Sequence[Hit]) -> float:
    """Return 0 to 1, never falling as the best hit gets better (spec row CTX-26); 0 without hits."""
    if not hits:
        return 0.0
    by_meaning = 1.0 / (1.0 + math.exp(-_STEEPNESS * (max(h.similarity for h in hits) - _MIDDLE)))
    by_words = 0.5 * max(h.coverage for h in hits)
    return max(by_meaning, by_words)


def _found(candidate: Candidate, mode: SearchMode) -> bool:
    by_meaning = mode is not SearchMode.SPARSE and candidate.dense_rank > 0
    return by_meaning or (mode is not SearchMode.DENSE and candidate.sparse_rank > 0)


def _relevant(candidate: Candidate, mode: SearchMode, min_similarity: float) -> bool:
    """Judge one chunk; who asks for words alone gets what has the words."""
    if mode is SearchMode.SPARSE:
        return True
    if candidate.similarity is not None and candidate.similarity >= min_similarity:
        return True
    by_chance = candidate.similarity is not None and candidate.similarity < CHANCE_SIMILARITY
    return mode is SearchMode.HYBRID and candidate.coverage >= MIN_COVERAGE and not by_chance


def _fused(candidate: Candidate, mode: SearchMode) -> float:
    dense = 0 if mode is SearchMode.SPARSE else candidate.dense_rank
    sparse = 0 if mode is SearchMode.DENSE else candidate.sparse_rank
    return fusion.reciprocal_rank(dense, sparse)


def _without_copies(ranked: Sequence[Candidate]) -> list[Candidate]:
    first: dict[str, Candidate] = {}
    for candidate in ranked:
        first.setdefault(candidate.chunk.sha256, candidate)
    return list(first.values())


def _hit(candidate: Candidate, score: float) -> Hit:
    return Hit(
        chunk=candidate.chunk,
        score=score,
        similarity=candidate.similarity or 0.0,
        dense_rank=candidate.dense_rank,
        sparse_rank=candidate.sparse_rank,
        coverage=candidate.coverage,
    )
