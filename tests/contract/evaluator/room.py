"""A running evaluator with the real embedding model and a real PostgreSQL, and right requests to bend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from magistrate.common.v1 import critique_pb2, task_pb2
from magistrate.context.v1 import context_pb2, context_pb2_grpc
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from magistrate.evaluator.v1.evaluator_pb2_grpc import (
    EvaluatorServiceStub,
    PrecedentServiceServicer,
    PrecedentServiceStub,
    ReviewServiceStub,
    add_EvaluatorServiceServicer_to_server,
    add_PrecedentServiceServicer_to_server,
    add_ReviewServiceServicer_to_server,
)
from services.chassis.clock import SystemClock
from services.chassis.errors import unavailable
from services.chassis.testing import Registration, serving
from services.context.adapters.minilm import MiniLm
from services.evaluator.adapters.embeddings import ContextEmbedder
from services.evaluator.adapters.reviews import PostgresReviews
from services.evaluator.core.bench import PRIORITY
from services.evaluator.core.policy import Shelf
from services.evaluator.docket import Docket
from services.evaluator.scorer import Scorer
from services.evaluator.servicer import EvaluatorServicer, ReviewServicer

if TYPE_CHECKING:  # these exist only in the stubs
    from magistrate.evaluator.v1.evaluator_pb2_grpc import (
        EvaluatorServiceAsyncStub,
        PrecedentServiceAsyncStub,
        ReviewServiceAsyncStub,
    )

AREA = "magistrate.evaluator.v1"
HANDBOOK = (
    "Annual leave. Every employee has 25 days of paid leave in each calendar year. Unused days expire on 31 March."
)
QUESTION = "How many days of annual leave do I get?"
ANSWER = "Every employee has 25 days of paid leave per calendar year. Days that are not used expire on 31 March."


@dataclass
class Embeddings(context_pb2_grpc.EmbeddingServiceServicer):
    """The embedding service with the real model, which a test can break and whose calls it can count."""

    model: MiniLm
    calls: list[list[str]] = field(default_factory=list)
    broken: bool = False
    fallback: bool = False
    stalled: bool = False

    async def Embed(self, request: context_pb2.EmbedRequest, _: object) -> context_pb2.EmbedResponse:  # noqa: N802
        """Embed the texts, or fail as told."""
        self.calls.append(list(request.texts))
        if self.broken:
            raise unavailable("EMBEDDING_UNAVAILABLE", "the model is not loaded")
        if self.stalled:
            await asyncio.Event().wait()
        rows = {text: await asyncio.to_thread(self.model.embed, [text]) for text in dict.fromkeys(request.texts)}
        vectors = [context_pb2.Embedding(values=rows[text][0].tolist()) for text in request.texts]
        return context_pb2.EmbedResponse(embeddings=vectors, degraded=self.fallback)


@dataclass(frozen=True, kw_only=True)
class Room:
    """A running evaluator and what stands behind it."""

    evaluator: "EvaluatorServiceAsyncStub"
    reviews: "ReviewServiceAsyncStub"
    precedents: "PrecedentServiceAsyncStub"
    embeddings: Embeddings


@asynccontextmanager
async def running(embeddings: Embeddings, pool: asyncpg.Pool, *, embed_s: float = 5.0) -> AsyncIterator[Room]:
    """Serve the evaluator in this process."""
    embedding = Registration(
        context_pb2_grpc.add_EmbeddingServiceServicer_to_server,
        embeddings,
        "magistrate.context.v1.EmbeddingService",
    )
    async with serving([embedding]) as context:
        stub = context_pb2_grpc.EmbeddingServiceStub(context)
        servicer = EvaluatorServicer(
            policies=Shelf(),
            scorer=Scorer(ContextEmbedder(stub, timeout_s=embed_s), pass_mark=0.7),
            docket=Docket(PostgresReviews(pool), timeout_s=2.0),
            clock=SystemClock(),
        )
        registrations = [
            Registration(add_EvaluatorServiceServicer_to_server, servicer, f"{AREA}.EvaluatorService"),
            Registration(
                add_ReviewServiceServicer_to_server,
                ReviewServicer(reviews=PostgresReviews(pool)),
                f"{AREA}.ReviewService",
            ),
            Registration(
                add_PrecedentServiceServicer_to_server,
                PrecedentServiceServicer(),
                f"{AREA}.PrecedentService",
            ),
        ]
        async with serving(registrations) as channel:
            yield Room(
                evaluator=EvaluatorServiceStub(channel),
                reviews=ReviewServiceStub(channel),
                precedents=PrecedentServiceStub(channel),
                embeddings=embeddings,
            )


def score_request(**changes: object) -> pb.ScoreRequest:
    """Return a good request with some fields replaced."""
    fields: dict[str, object] = {
        "query": QUESTION,
        "output": ANSWER,
        "context_chunks": [HANDBOOK],
        "domain": task_pb2.DOMAIN_GENERAL,
        "task_type": task_pb2.TASK_TYPE_ANALYSIS,
        "decision_id": "d-1",
    }
    return pb.ScoreRequest(**(fields | changes))  # type: ignore[arg-type]  # the table's values are of many types


def opinion(critic: str, severity: float = 0.0, **changes: object) -> critique_pb2.CriticEvaluation:
    """Return the opinion of one critic."""
    fields: dict[str, object] = {
        "status": critique_pb2.EVALUATION_STATUS_EVALUATED,
        "confidence": 0.9,
        "rationale": f"{critic} saw nothing.",
    }
    return critique_pb2.CriticEvaluation(critic=critic, severity_0_3=severity, **(fields | changes))  # type: ignore[arg-type]  # as above


def clause_p1() -> critique_pb2.EscalationSignal:
    """Return a tier 3 signal of the rights critic."""
    signal = critique_pb2.EscalationSignal(
        clause_id="P1",
        charter="privacy_identity",
        tier=3,
        raised_by="rights",
        clause_description="identity inferred without consent",
        rationale="Names a person's illness. \u0000 é \U0001f512",
        blocking=True,
    )
    signal.raised_at.FromNanoseconds(1_790_000_000_123_456_789)
    return signal


def case(*opinions: critique_pb2.CriticEvaluation, **changes: object) -> pb.AdjudicateRequest:
    """Return a case; critics without an opinion given find nothing."""
    named = {given.critic for given in opinions}
    silent = [opinion(critic) for critic in PRIORITY if critic not in named]
    fields: dict[str, object] = {
        "decision_id": "d-1",
        "evaluations": [*opinions, *silent],
        "model": "gpt-4",
        "context_confidence": 0.8,
        "domain": task_pb2.DOMAIN_GENERAL,
    }
    return pb.AdjudicateRequest(**(fields | changes))  # type: ignore[arg-type]  # as above
