"""Starts the evaluator: config, pool, adapters, servicers, serve."""

from magistrate.context.v1.context_pb2_grpc import EmbeddingServiceStub
from magistrate.evaluator.v1.evaluator_pb2_grpc import (
    PrecedentServiceServicer,
    add_EvaluatorServiceServicer_to_server,
    add_PrecedentServiceServicer_to_server,
    add_ReviewServiceServicer_to_server,
)
from services.chassis.clock import SystemClock
from services.chassis.config import load
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.runtime import Registration, open_runtime
from services.evaluator.adapters.embeddings import ContextEmbedder
from services.evaluator.adapters.policies import read_shelf
from services.evaluator.adapters.reviews import PostgresReviews
from services.evaluator.config import Config
from services.evaluator.docket import Docket
from services.evaluator.scorer import Scorer
from services.evaluator.servicer import EvaluatorServicer, ReviewServicer


async def main(name: str) -> None:
    """Serve the evaluator as the mesh service ``name`` until a signal asks to stop."""
    config = load(Config)
    async with open_runtime(name) as mesh:
        reviews = PostgresReviews(await mesh.enter(open_pool(load(PostgresSettings))))
        embedder = ContextEmbedder(EmbeddingServiceStub(mesh.channel), timeout_s=config.embed_timeout_s)
        servicer = EvaluatorServicer(
            scorer=Scorer(embedder, pass_mark=config.pass_mark),
            docket=Docket(reviews, timeout_s=config.review_timeout_s),
            policies=read_shelf(config.policies_dir, config.policy),
            clock=SystemClock(),
        )
        mesh.readiness("postgres", reviews.ping)
        area = "magistrate.evaluator.v1"
        await mesh.serve(
            [
                Registration(add_EvaluatorServiceServicer_to_server, servicer, f"{area}.EvaluatorService"),
                Registration(
                    add_ReviewServiceServicer_to_server,
                    ReviewServicer(reviews=reviews),
                    f"{area}.ReviewService",
                ),
                Registration(
                    add_PrecedentServiceServicer_to_server,
                    PrecedentServiceServicer(),
                    f"{area}.PrecedentService",
                ),
            ]
        )
