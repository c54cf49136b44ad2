"""How good an answer was, told to the router after the reply: what is written with the decision, how it goes out."""

from typing import cast

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_EVALUATED
from magistrate.common.v1.judgement_pb2 import QualityReport
from magistrate.common.v1.usage_pb2 import Route
from magistrate.router.v1.router_pb2 import ReportScoreRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from services.chassis.client import MeshChannel
from services.chassis.relay import Letter
from services.engine.adapters import enums
from services.engine.core.decision import Decision

REPORT_S = 5.0
"""Seconds that one report may take."""
ENOUGH = 0.4
"""Weight of the rubric that must have been evaluated; less says nothing about a model (trap T16)."""
_NOT_PART_OF_THE_MESH = "JUDGE_NOT_CONFIGURED"
_JUDGED = frozenset({"correctness", "policy_compliance"})
"""Dimensions that only a judge can score."""


def feedback(decision: Decision) -> bytes | None:
    """Return the score of the decision's answer as the router takes it; None where there is nothing to learn.

    There is not where too little was evaluated, and where the answer was given before: it was scored then.
    """
    report = cast("QualityReport", decision.scored.report)
    route = cast("Route", decision.generated.route)
    if report.coverage < ENOUGH or not 0 <= report.overall <= 1 or not route.model or route.HasField("cache_hit"):
        return None
    return ReportScoreRequest(
        decision_id=decision.decision_id,
        domain=enums.domain(decision.question),
        task_type=enums.task_type(decision.question),
        model=route.model,
        score=report.overall,
        propensity=route.propensity,
        champion_version=route.champion_version,
        heuristic=_is_stand_in(report),
        fell_back=bool(route.provider_order) and route.provider != route.provider_order[0],
    ).SerializeToString(deterministic=True)


def _is_stand_in(report: QualityReport) -> bool:
    """Tell whether the mesh has a judge that gave no score: what the others say is then of another kind."""
    return any(
        score.dimension in _JUDGED
        and score.status != EVALUATION_STATUS_EVALUATED
        and score.reason != _NOT_PART_OF_THE_MESH
        for score in report.scores
    )


class MeshFeedback:
    """Delivers letters to ``RouterService.ReportScore``; the router counts a decision once."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = RouterServiceStub(channel)

    async def deliver(self, letter: Letter) -> None:
        """Return once the score is counted. Raises MeshError."""
        request = ReportScoreRequest.FromString(letter.body)
        await self._stub.ReportScore(request, timeout=REPORT_S, metadata=letter.metadata)
