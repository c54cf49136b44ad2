"""The values that context works on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One embedding, shape (384,), of length 1."""
Matrix = NDArray[np.float32]
"""Embeddings as rows, shape (n, 384)."""


class SearchMode(StrEnum):
    """Which searches take part."""

    HYBRID = "hybrid"
    DENSE = "dense"
    SPARSE = "sparse"


class Tier(StrEnum):
    """Where context came from, best first (design: live store, local copy, static pack, none)."""

    LIVE = "live"
    COPY = "local_copy"
    STATIC = "static_pack"
    NONE = "none"


class Domain(StrEnum):
    """Field of work; it chooses the static pack."""

    LITERARY = "literary"
    MARKET = "market"
    GENERAL = "general"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as its owner gave it."""

    document_id: str
    title: str = ""
    source: str = ""
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSummary:
    """A stored document without its text; `digest` covers text, title, source, metadata and embedding model."""

    document_id: str
    title: str
    source: str
    chunk_count: int
    sha256: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A named set of documents of one tenant at one version."""

    pack_id: str
    version: int
    document_count: int
    chunk_count: int
    content_sha256: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document with where it stands: offsets count Unicode code points, the end is exclusive."""

    pack_id: str
    pack_version: int
    document_id: str
    ordinal: int
    title: str
    source: str
    start: int
    end: int
    text: str
    sha256: str

    @property
    def chunk_id(self) -> str:
        """Return the id inside the tenant: pack, document and ordinal, which no two chunks share."""
        return f"{self.pack_id}/{self.document_id}#{self.ordinal}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A chunk that a search found, with what each search says of it."""

    chunk: Chunk
    vector: Vector
    similarity: float | None
    """Cosine with the question, -1 to 1; None where the two have no embedding of the same model."""
    dense_rank: int = 0
    """Rank by meaning, from 1; 0 where it was not found there."""
    sparse_rank: int = 0
    """Rank by words, from 1; 0 where it was not found there."""
    coverage: float = 0.0
    """Share of the question's words it has, 0 to 1, each word weighed by its rarity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk that is relevant enough to be shown."""

    chunk: Chunk
    score: float
    """Fused score: sum over both searches of 1 / (60 + rank)."""
    similarity: float
    dense_rank: int
    sparse_rank: int
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """A part that did not work as it should, what was done instead, and why."""

    component: str
    fallback: str
    reason: str
