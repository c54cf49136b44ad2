"""The router as the generator."""

from magistrate.router.v1.router_pb2 import (
    CACHE_USE_REFRESH,
    CACHE_USE_UNSPECIFIED,
    GenerateRequest,
    RoutingRequest,
)
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from services.chassis.client import MeshChannel
from services.engine.adapters import enums
from services.engine.core.decision import Generated, Sealed
from services.engine.core.question import Question


class MeshGenerator:
    """Have a model answer through ``RouterService``."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = RouterServiceStub(channel)

    async def generate(self, question: Question, context: str, decision_id: str, *, timeout_s: float) -> Generated:
        """Return the answer with its route."""
        routing = RoutingRequest(
            query=question.query,
            context=context,
            additional_context=question.additional_context,
            domain=enums.domain(question),
            task_type=enums.task_type(question),
            max_output_tokens=question.max_output_tokens,
            temperature=question.temperature,
            strategy=question.strategy,
            model=question.model,
            decision_id=decision_id,
            cache_use=CACHE_USE_REFRESH if question.fresh else CACHE_USE_UNSPECIFIED,
        )
        reply = await self._stub.Generate(GenerateRequest(routing=routing), timeout=timeout_s)
        return Generated(text=reply.text, model=reply.route.model, route=Sealed(reply.route), truncated=reply.truncated)
