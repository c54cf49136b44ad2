"""Put the room together from its configuration and its adapters."""

from dataclasses import dataclass

from services.chassis.clock import Clock
from services.context.builder import Builder
from services.context.catalog import Catalog
from services.context.config import Config
from services.context.copying import CopyKeeper
from services.context.ingestor import Ingestor
from services.context.ports import Copies, Embedder, Store
from services.context.retriever import Retriever
from services.context.servicer import ContextServicer, EmbeddingServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a process of this service serves, and the work it does behind the replies."""

    context: ContextServicer
    embedding: EmbeddingServicer
    keeper: CopyKeeper


def assemble(config: Config, *, store: Store, copies: Copies, embedder: Embedder, clock: Clock) -> Room:
    """Return the room over the given adapters."""
    keeper = CopyKeeper(store, copies, clock)
    retriever = Retriever(store, copies, embedder, clock, store_timeout_s=config.store_timeout_s)
    context = ContextServicer(
        builder=Builder(retriever, keeper, min_similarity=config.min_similarity),
        retriever=retriever,
        ingestor=Ingestor(store, embedder),
        catalog=Catalog(store),
        min_similarity=config.min_similarity,
    )
    return Room(context=context, embedding=EmbeddingServicer(embedder), keeper=keeper)
