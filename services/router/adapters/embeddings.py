"""Vectors from the context service, the one home of the embedding model."""

from collections.abc import Sequence

from magistrate.context.v1.context_pb2 import EmbedRequest
from magistrate.context.v1.context_pb2_grpc import EmbeddingServiceStub
from services.chassis.client import MeshChannel
from services.chassis.errors import unavailable
from services.router.ports import Embedding


class ContextEmbedder:
    """Implements the Embedder port on EmbeddingService."""

    def __init__(self, channel: MeshChannel, *, timeout_s: float) -> None:
        self._stub = EmbeddingServiceStub(channel)
        self._timeout_s = timeout_s

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """Return one vector per text, in order, from one call."""
        reply = await self._stub.Embed(EmbedRequest(texts=texts), timeout=self._timeout_s)
        if reply.degraded or len(reply.embeddings) != len(texts):
            # The stand-in is blind to meaning: what it finds near need not be.
            raise unavailable("EMBEDDING_UNAVAILABLE", "the embedding model did not answer; only a fallback did")
        return [Embedding(values=tuple(each.values), model=reply.model) for each in reply.embeddings]
