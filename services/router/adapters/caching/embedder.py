"""Vectors of questions, from the one home of the embedding model."""

from magistrate.context.v1.context_pb2 import EmbedRequest
from magistrate.context.v1.context_pb2_grpc import EmbeddingServiceStub
from services.chassis.client import MeshChannel
from services.chassis.errors import unavailable
from services.router.caching.ports import Embedding

_TIMEOUT_S = 2.0
"""For what is written behind a reply; a look-up has its own, shorter patience."""


class MeshEmbedder:
    """Implements the Embedder port."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = EmbeddingServiceStub(channel)

    async def embed(self, question: str) -> Embedding:
        """Return the vector of ``question``."""
        reply = await self._stub.Embed(EmbedRequest(texts=[question]), timeout=_TIMEOUT_S)
        if reply.degraded:
            # The stand-in is blind to meaning: what it finds near need not be.
            raise unavailable("EMBEDDING_UNAVAILABLE", "only a stand-in for the embedding model is there")
        return Embedding(values=tuple(reply.embeddings[0].values), model=reply.model)
