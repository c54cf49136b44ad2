"""The router as the generator."""

from collections.abc import Mapping

from magistrate.common.v1.usage_pb2 import Route
from magistrate.router.v1 import router_pb2
from magistrate.router.v1.router_pb2 import (
    CACHE_USE_BYPASS,
    CACHE_USE_REFRESH,
    CACHE_USE_UNSPECIFIED,
    GenerateRequest,
    RoutingRequest,
)
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from services.chassis.client import MeshChannel
from services.engine.adapters import enums
from services.engine.core.decision import Generated, Sealed
from services.engine.core.intent import Intent
from services.engine.core.question import Question

_RULES: "Mapping[str, router_pb2.VotingRule.ValueType]" = {
    "": router_pb2.VOTING_RULE_UNSPECIFIED,
    "unanimous": router_pb2.VOTING_RULE_UNANIMOUS,
    "majority": router_pb2.VOTING_RULE_MAJORITY,
    "weighted": router_pb2.VOTING_RULE_WEIGHTED,
    "confidence": router_pb2.VOTING_RULE_CONFIDENCE,
}


class MeshGenerator:
    """Have a model answer through ``RouterService``, or several vote where much depends on it.

    Args:
        channel: The way to the router.
        high_impact_rule: Rule of the vote on a question of high impact that names none itself; "none" for no vote.
    """

    def __init__(self, channel: MeshChannel, *, high_impact_rule: str) -> None:
        self._stub = RouterServiceStub(channel)
        self._high_impact_rule = high_impact_rule

    async def generate(self, question: Question, context: str, intent: Intent, *, timeout_s: float) -> Generated:
        """Return the answer with its route."""
        rule = question.rule(self._high_impact_rule)
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
            decision_id=intent.decision_id,
            intent_key=intent.key,
            voting_rule=_RULES[rule],
            tool_count=question.tool_count,
            cache_use=_cache_use(question),
        )
        reply = await self._stub.Generate(GenerateRequest(routing=routing), timeout=timeout_s)
        return Generated(
            text=reply.text,
            model=reply.route.model,
            route=Sealed(reply.route),
            truncated=reply.truncated,
            # A vote that was asked for and is not there is no agreement either.
            disagreed=bool(rule) and not _agreed(reply.route),
        )


def _cache_use(question: Question) -> "router_pb2.CacheUse.ValueType":
    """Return whether an earlier answer will do; what is about a person is in no cache: no erasure would find it."""
    if question.subject_id:
        return CACHE_USE_BYPASS
    return CACHE_USE_REFRESH if question.fresh else CACHE_USE_UNSPECIFIED


def _agreed(route: Route) -> bool:
    return route.HasField("vote") and route.vote.agreed
