"""The contract of context: messages in, values to the room, messages out."""

from services.context.servicer.methods import ContextServicer, EmbeddingServicer

__all__ = ["ContextServicer", "EmbeddingServicer"]
