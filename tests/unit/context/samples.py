"""Values that several context tests build."""

import numpy as np

from services.context.core import digests
from services.context.core.values import Candidate, Chunk, Document, Hit

HANDBOOK = (
    Document(
        document_id="leave",
        title="Leave",
        source="handbook/leave.md",
        text="Every employee has 26 weeks of parental leave after the birth of a child.",
        metadata={"owner": "people"},
    ),
    Document(document_id="printer", title="Printers", text="Error XK-4471 means that the print queue is full."),
    Document(document_id="travel", title="Travel", text="Train tickets in second class are paid back within ten days."),
)


def chunk(text: str = "text", *, document_id: str = "doc", ordinal: int = 0, title: str = "Title") -> Chunk:
    """Return a chunk of pack ``pack`` at version 1."""
    return Chunk(
        pack_id="pack",
        pack_version=1,
        document_id=document_id,
        ordinal=ordinal,
        title=title,
        source="source.md",
        start=0,
        end=len(text),
        text=text,
        sha256=digests.of_text(text),
    )


def hit(text: str = "text", *, similarity: float = 0.5, document_id: str = "doc", title: str = "Title") -> Hit:
    """Return a hit as a search would give it."""
    found = chunk(text, document_id=document_id, title=title)
    return Hit(chunk=found, score=1 / 61, similarity=similarity, dense_rank=1, sparse_rank=0, coverage=0.0)


def candidate(
    text: str, *, similarity: float | None = 0.5, dense_rank: int = 0, sparse_rank: int = 0, coverage: float = 0.0
) -> Candidate:
    """Return a candidate whose vector is orthogonal to that of nearly every other text."""
    vector = np.zeros(384, dtype=np.float32)
    vector[int(digests.of_text(text)[:6], 16) % 384] = 1.0
    return Candidate(
        chunk=chunk(text, document_id=text[:20]),
        vector=vector,
        similarity=similarity,
        dense_rank=dense_rank,
        sparse_rank=sparse_rank,
        coverage=coverage,
    )
