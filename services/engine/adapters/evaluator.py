"""The evaluator: scores and the verdict."""

from collections.abc import Sequence
from typing import cast

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_NOT_EVALUATED, CriticEvaluation
from magistrate.common.v1.judgement_pb2 import (
    HUMAN_ACTION_TYPE_DETERMINATION,
    VERDICT_ABSTAIN,
    Adjudication,
    Gate,
    QualityReport,
    QualityScore,
)
from magistrate.evaluator.v1.evaluator_pb2 import AdjudicateRequest, ScoreRequest
from magistrate.evaluator.v1.evaluator_pb2_grpc import EvaluatorServiceStub
from services.chassis.client import MeshChannel
from services.engine.adapters import degradation, enums
from services.engine.core.decision import Adjudicated, Scored, Sealed, Verdict
from services.engine.core.question import Question
from services.engine.ports import Case

DIMENSIONS = ("relevance", "correctness", "coherence", "policy_compliance", "context_overlap")
"""The five quality dimensions, in the order of the contract (spec row EVL-01)."""
_HIGHEST_TIER = 3
_VERDICTS = frozenset(verdict.value for verdict in Verdict)


class MeshScorer:
    """Score answers through ``EvaluatorService.Score``."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = EvaluatorServiceStub(channel)

    async def score(
        self, question: Question, answer: str, chunks: Sequence[str], decision_id: str, *, timeout_s: float
    ) -> Scored:
        """Return the five scores."""
        reply = await self._stub.Score(
            ScoreRequest(
                query=question.query,
                output=answer,
                context_chunks=chunks,
                domain=enums.domain(question),
                task_type=enums.task_type(question),
                decision_id=decision_id,
            ),
            timeout=timeout_s,
        )
        return Scored(report=Sealed(reply.report), degraded=degradation.read(reply.degraded_components))

    def unavailable(self, reason: str) -> Scored:
        """Return five scores without a value (trap T16)."""
        scores = [
            QualityScore(dimension=dimension, status=EVALUATION_STATUS_NOT_EVALUATED, reason=reason)
            for dimension in DIMENSIONS
        ]
        return Scored(report=Sealed(QualityReport(scores=scores)))


def adjudicate_request(case: Case) -> AdjudicateRequest:
    """Return the case as the evaluator takes it."""
    return AdjudicateRequest(
        decision_id=case.decision_id,
        evaluations=[cast("CriticEvaluation", sealed) for sealed in case.reviewed.evaluations],
        # Left out: no precedent was consulted, which is not the same as a search that found none.
        quality=cast("QualityReport", case.report),
        context_confidence=case.gathered.confidence,
        high_impact=case.question.high_impact,
        model=case.generated.model,
        degraded_components=degradation.write(case.degraded),
        domain=enums.domain(case.question),
        models_disagree=case.generated.disagreed,
        subject_id=case.question.subject_id,
    )


def verdict_of(adjudication: Adjudication) -> Verdict:
    """Return the verdict; one that this version does not know counts as none."""
    return Verdict(adjudication.verdict) if adjudication.verdict in _VERDICTS else Verdict.ABSTAIN


class MeshAdjudicator:
    """Get the verdict through ``EvaluatorService.Adjudicate``."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = EvaluatorServiceStub(channel)

    async def adjudicate(self, case: Case, *, timeout_s: float) -> Adjudicated:
        """Return the verdict; one this version does not know counts as no verdict."""
        request = adjudicate_request(case)
        reply = await self._stub.Adjudicate(request, timeout=timeout_s)
        said = reply.adjudication
        return Adjudicated(
            verdict=verdict_of(said),
            text_released=said.text_released,
            explanation=said.explanation,
            highest_tier=said.gate.highest_tier,
            adjudication=Sealed(said),
            degraded=degradation.read(reply.degraded_components),
        )

    def unavailable(self, reason: str) -> Adjudicated:
        """Return no verdict, with a gate that only a person's determination opens."""
        explanation = f"no verdict was possible: {reason}"
        gate = Gate(
            gated=True,
            required_action=HUMAN_ACTION_TYPE_DETERMINATION,
            highest_tier=_HIGHEST_TIER,
            reasons=[f"unavailable:{reason}"],
        )
        return Adjudicated(
            verdict=Verdict.ABSTAIN,
            text_released=False,
            explanation=explanation,
            highest_tier=_HIGHEST_TIER,
            adjudication=Sealed(
                Adjudication(verdict=VERDICT_ABSTAIN, label=VERDICT_ABSTAIN, gate=gate, explanation=explanation)
            ),
        )
