"""Read the configuration, load the model, open the stores, serve."""

from magistrate.context.v1.context_pb2_grpc import (
    add_ContextServiceServicer_to_server,
    add_EmbeddingServiceServicer_to_server,
)
from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.runtime import Registration, open_runtime
from services.context.adapters.embedding import VectorCache, open_embedder
from services.context.adapters.hashing import load_model
from services.context.adapters.local_copy import open_copies
from services.context.adapters.postgres import PostgresStore
from services.context.assembly import assemble
from services.context.config import Config

CONTEXT = "magistrate.context.v1.ContextService"
EMBEDDING = "magistrate.context.v1.EmbeddingService"


async def main(name: str) -> None:
    """Run the context service until SIGTERM."""
    config, postgres, clock = load(Config), load(PostgresSettings), SystemClock()
    async with open_runtime(name) as mesh:
        cache = VectorCache(clock, entries=config.embedding_cache_entries, ttl_s=config.embedding_cache_ttl_s)
        embedder = await mesh.enter(open_embedder(load_model(threads=config.embedding_threads), cache))
        copies = await mesh.enter(open_copies(config.copy_file, clock, retention_s=config.copy_retention_s))
        store = PostgresStore(await mesh.enter(open_pool(postgres)))
        room = assemble(config, store=store, copies=copies, embedder=embedder, clock=clock)
        mesh.spawn(room.keeper.run(), name="copies")
        mesh.readiness("embedding model", lambda: embedder.embed(["ready"]))
        await mesh.serve(
            [
                Registration(add_ContextServiceServicer_to_server, room.context, CONTEXT),
                Registration(add_EmbeddingServiceServicer_to_server, room.embedding, EMBEDDING),
            ]
        )
