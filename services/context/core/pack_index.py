"""A whole pack in memory, searchable by meaning (exact) and by words: what the local copy answers with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.context.core import lexical
from services.context.core.values import Candidate, Chunk, Matrix, Vector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackIndex:
    """The chunks of one pack with their vectors and words."""

    chunks: tuple[Chunk, ...]
    models: tuple[str, ...]
    matrix: Matrix
    words: lexical.Index

    @classmethod
    def of(cls, stored: Sequence[tuple[Chunk, str, Vector]]) -> "PackIndex":
        """Index chunks, each with the model of its vector."""
        return cls(
            chunks=tuple(chunk for chunk, _, _ in stored),
            models=tuple(model for _, model, _ in stored),
            matrix=np.stack([vector for _, _, vector in stored]) if stored else np.empty((0, 0), dtype=np.float32),
            words=lexical.Index.of([chunk.text for chunk, _, _ in stored]),
        )

    def search(self, question: str, vector: Vector | None, *, model: str, limit: int) -> tuple[Candidate, ...]:
        """Return the union of the best ``limit`` by meaning and by words; vectors of other models take no part."""
        similarities = self._similarities(vector, model)
        by_meaning = [i for i in np.argsort(-similarities, kind="stable") if similarities[i] > -np.inf][:limit]
        by_words = self.words.search(question, limit=limit)
        dense = {int(i): rank for rank, i in enumerate(by_meaning, start=1)}
        sparse = {match.index: (rank, match.coverage) for rank, match in enumerate(by_words, start=1)}
        found = sorted(dense.keys() | sparse.keys())
        return tuple(self._candidate(i, similarities[i], dense.get(i, 0), *sparse.get(i, (0, 0.0))) for i in found)

    def _similarities(self, vector: Vector | None, model: str) -> np.ndarray:
        if vector is None or not self.chunks:
            return np.full(len(self.chunks), -np.inf)
        return np.where([m == model for m in self.models], self.matrix @ vector, -np.inf)

    def _candidate(
        self, index: int, similarity: float, dense_rank: int, sparse_rank: int, coverage: float
    ) -> Candidate:
        return Candidate(
            chunk=self.chunks[index],
            vector=self.matrix[index],
            similarity=float(similarity) if similarity > -np.inf else None,
            dense_rank=dense_rank,
            sparse_rank=sparse_rank,
            coverage=coverage,
        )
