"""Vectors from the context service, the one home of the embedding model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from magistrate.context.v1.context_pb2 import EmbedRequest
from services.chassis.call import remaining_s
from services.chassis.errors import unavailable
from services.evaluator.core.measures import Vectors
from services.evaluator.patience import patience_s

if TYPE_CHECKING:
    from magistrate.context.v1.context_pb2_grpc import EmbeddingServiceAsyncStub  # exists only in the stubs


class ContextEmbedder:
    """Asks EmbeddingService; refuses vectors that the formulas were not calibrated for."""

    def __init__(self, stub: "EmbeddingServiceAsyncStub", *, timeout_s: float) -> None:
        self._stub = stub
        self._timeout_s = timeout_s

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 per text, in order, from one call.

        Raises:
            WorldError: the service is away or late, or only its fallback answered.
        """
        timeout_s = patience_s(self._timeout_s, remaining_s())
        reply = await self._stub.Embed(EmbedRequest(texts=texts), timeout=timeout_s)
        if reply.degraded or len(reply.embeddings) != len(texts):
            raise unavailable("EMBEDDING_UNAVAILABLE", "the embedding model did not answer; only a fallback did")
        return np.array([embedding.values for embedding in reply.embeddings], dtype=np.float32)
