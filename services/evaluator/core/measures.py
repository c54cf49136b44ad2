"""The quality formulas that need no judge; docs/scoring.md states each under the same method id (spec row EVL-06).

Cosines are calibrated for all-MiniLM-L6-v2: a low mark that unrelated texts rarely exceed counts as 0, a high mark
that related texts reach in the middle counts as 1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.evaluator.core.passage import content_words, numbers, sentences, share_found
from services.evaluator.core.quality import Dimension, Score, not_evaluated
from services.evaluator.core.spread import clamp, mean

Vectors = NDArray[np.float32]
"""Shape (texts, dimensions), each row of length 1."""

MAX_SENTENCES = 32
"""Sentences of an answer that are measured, from its beginning: bounds the cost of one Score."""
MAX_CHUNKS = 20
"""Chunks that are compared with, as many as one context may have."""
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_SAME = 0.98
"""From this cosine on two neighbouring sentences say the same thing twice."""

RELEVANCE = "relevance.cosine@1"
COHERENCE = "coherence.adjacent@1"
CONTEXT_OVERLAP = "context_overlap.support@1"
METHODS = (RELEVANCE, COHERENCE, CONTEXT_OVERLAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer cut into what is embedded, in the one order in which it is embedded."""

    query: str
    output: str
    sentences: tuple[str, ...]
    chunks: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Return everything to embed, for one call: query, output, sentences, chunks."""
        return (self.query, self.output, *self.sentences, *self.chunks)


def cut(query: str, output: str, chunks: Sequence[str], *, max_chars: int) -> Answer:
    """Prepare an answer for measuring: every text as the embedding service takes it, at most ``max_chars`` long."""
    return Answer(
        query=_embeddable(query, max_chars),
        output=_embeddable(output, max_chars),
        sentences=tuple(_embeddable(sentence, max_chars) for sentence in sentences(output)[:MAX_SENTENCES]),
        chunks=tuple(_embeddable(chunk, max_chars) for chunk in chunks if chunk.strip())[:MAX_CHUNKS],
    )


def _embeddable(text: str, max_chars: int) -> str:
    """Return the beginning of a text that is not blank, with a mark for what no person writes and a model may."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.strip()[:max_chars])


def measure(answer: Answer, vectors: Vectors) -> tuple[Score, ...]:
    """Return the scores that embeddings can give; ``vectors`` are those of ``answer.texts`` in the same order."""
    spoken = 2 + len(answer.sentences)
    return (
        _relevance(vectors[0], vectors[1]),
        _coherence(vectors[2:spoken]),
        _context_overlap(answer, vectors[2:spoken], vectors[spoken:]),
    )


def unmeasured(reason: str) -> tuple[Score, ...]:
    """Return the same scores for when no embeddings could be had."""
    measured = (Dimension.RELEVANCE, Dimension.COHERENCE, Dimension.CONTEXT_OVERLAP)
    return tuple(not_evaluated(dimension, reason) for dimension in measured)


def calibrated(cosine: float, *, low: float, high: float) -> float:
    """Return where ``cosine`` lies between the two marks, 0-1."""
    return clamp((cosine - low) / (high - low))


def _relevance(query: NDArray[np.float32], output: NDArray[np.float32]) -> Score:
    value = calibrated(float(query @ output), low=0.10, high=0.60)
    return Score(dimension=Dimension.RELEVANCE, value=value, method=RELEVANCE)


def _coherence(spoken: Vectors) -> Score:
    if len(spoken) < 2:  # noqa: PLR2004 - one sentence has no neighbour
        return not_evaluated(Dimension.COHERENCE, "SINGLE_SENTENCE")
    neighbours = [float(left @ right) for left, right in pairwise(spoken)]
    linked = [0.0 if cosine >= _SAME else calibrated(cosine, low=0.10, high=0.40) for cosine in neighbours]
    return Score(dimension=Dimension.COHERENCE, value=mean(linked), method=COHERENCE)


def _context_overlap(answer: Answer, spoken: Vectors, context: Vectors) -> Score:
    if not answer.chunks:
        return not_evaluated(Dimension.CONTEXT_OVERLAP, "NO_CONTEXT")
    if not answer.sentences:
        return not_evaluated(Dimension.CONTEXT_OVERLAP, "NO_SENTENCE")
    nearest = (spoken @ context.T).max(axis=1)
    words = [content_words(chunk) for chunk in answer.chunks]
    figures = [numbers(chunk) for chunk in answer.chunks]
    support = [
        _support(sentence, float(cosine), words, figures)
        for sentence, cosine in zip(answer.sentences, nearest, strict=True)
    ]
    return Score(dimension=Dimension.CONTEXT_OVERLAP, value=mean(support), method=CONTEXT_OVERLAP)


def _support(sentence: str, cosine: float, words: Sequence[frozenset[str]], figures: Sequence[frozenset[str]]) -> float:
    meaning = calibrated(cosine, low=0.20, high=0.70)
    wording = share_found(content_words(sentence), words)
    return (meaning + wording) / 2 * share_found(numbers(sentence), figures)
