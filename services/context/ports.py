"""What context needs from the world."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.context.core.revision import EmbeddedRevision
from services.context.core.values import Candidate, Chunk, DocumentSummary, Matrix, Pack, Vector


class Model(Protocol):
    """An embedding model in this process; blocking and thread-safe."""

    @property
    def model_id(self) -> str:
        """Return its name; vectors of different names must not be compared."""
        ...

    @property
    def is_fallback(self) -> bool:
        """Return whether it only stands in for the real model."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length 1 for each text, shape (n, 384)."""
        ...


class Embedder(Protocol):
    """Embeddings off the event loop."""

    @property
    def model_id(self) -> str:
        """Return the model's name."""
        ...

    @property
    def is_fallback(self) -> bool:
        """Return whether a fallback makes the vectors."""
        ...

    async def embed(self, texts: Sequence[str], *, bulk: bool = False) -> Matrix:
        """Return one row for each text; bulk work waits until no one else does.

        Raises:
            WorldError: EMBEDDING_UNAVAILABLE.
        """
        ...


class Reader(Protocol):
    """Search in the packs of one tenant, wherever they are kept."""

    async def find_pack(self, tenant: str, pack_id: str) -> Pack | None:
        """Return the pack, or nothing where the tenant has none of this id. Raises WorldError STORE_UNAVAILABLE."""
        ...

    async def search(
        self, tenant: str, pack_id: str | None, question: str, vector: Vector | None, *, model: str, limit: int
    ) -> tuple[Candidate, ...]:
        """Return the union of the best ``limit`` chunks by meaning and the best ``limit`` by words.

        Args:
            tenant: Whose packs.
            pack_id: One pack, or all of the tenant where None.
            question: Searched by its words.
            vector: Searched by meaning; None leaves that search out.
            model: Model of the vector; only chunks that it embedded take part in the search by meaning.
            limit: Chunks each search gives at most.
        """
        ...


class Store(Reader, Protocol):
    """The live knowledge store."""

    async def list_packs(self, tenant: str, *, after: str, limit: int) -> tuple[Pack, ...]:
        """Return packs by id, from the first id greater than ``after``."""
        ...

    async def documents(self, tenant: str, pack_id: str) -> tuple[DocumentSummary, ...]:
        """Return the pack's documents by id, without their texts."""
        ...

    async def vectors(self, tenant: str, pack_id: str, sha256s: Sequence[str], *, model: str) -> dict[str, Vector]:
        """Return the vectors that the pack has already, by the fingerprint of their text."""
        ...

    async def chunks(
        self, tenant: str, pack_id: str, *, after: tuple[str, int] = ("", -1), limit: int
    ) -> "tuple[tuple[Chunk, str, Vector], ...]":
        """Return at most ``limit`` chunks after that document and ordinal, each with its model and vector."""
        ...

    async def apply(self, tenant: str, pack_id: str, embedded: EmbeddedRevision) -> Pack:
        """Write a revision in one transaction and return the pack as it stands then.

        Raises:
            WorldError: WRITE_CONFLICT: the pack is no longer at the version that the revision was planned on.
        """
        ...


class Copies(Reader, Protocol):
    """Local copies of packs, good for a limited time, for when the store is away."""

    async def save(self, tenant: str, pack: Pack, chunks: "Sequence[tuple[Chunk, str, Vector]]") -> None:
        """Keep a pack, in place of an older version of it."""
        ...

    async def confirm(self, tenant: str, pack: Pack) -> bool:
        """Return whether this very version is kept; if so it is good for its whole time again."""
        ...
