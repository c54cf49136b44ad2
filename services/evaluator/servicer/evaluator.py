"""EvaluatorService: Score and Adjudicate."""

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.json_format import MessageToJson

from magistrate.common.v1 import judgement_pb2
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from magistrate.evaluator.v1 import evaluator_pb2_grpc
from services.chassis import call, redaction
from services.chassis.clock import Clock
from services.evaluator import telemetry
from services.evaluator.core.adjudication import Adjudication, adjudicate
from services.evaluator.core.policy import Shelf
from services.evaluator.core.quality import RUBRICS
from services.evaluator.docket import Docket, review_id
from services.evaluator.ports import Packet
from services.evaluator.scorer import Scorer
from services.evaluator.servicer.replies import adjudication_message, degraded, gate_message, report_message
from services.evaluator.servicer.requests import answer_of, case_of, domain_of, policy_of

_Context = grpc.aio.ServicerContext[Any, Any]  # Any: gRPC's context is not generic over what we use of it


@dataclass(frozen=True, kw_only=True)
class EvaluatorServicer(evaluator_pb2_grpc.EvaluatorServiceServicer):
    """Implements magistrate.evaluator.v1.EvaluatorService."""

    scorer: Scorer
    docket: Docket
    policies: Shelf
    clock: Clock

    async def Score(
        self,
        request: pb.ScoreRequest,
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.ScoreResponse:
        """Return the five quality scores."""
        rubric = RUBRICS[domain_of(request.domain)]
        scored = await self.scorer.score(answer_of(request), rubric)
        return pb.ScoreResponse(
            report=report_message(scored.report),
            degraded_components=degraded("context.embeddings", "not_evaluated", scored.failure),
        )

    async def Adjudicate(
        self,
        request: pb.AdjudicateRequest,
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.AdjudicateResponse:
        """Return the verdict, and leave a review packet where a trigger fired."""
        tenant, domain = call.tenant(), domain_of(request.domain)
        adjudication = adjudicate(case_of(request), self.policies.in_force)
        telemetry.record(adjudication)
        message = adjudication_message(adjudication, request, self.clock.now())
        if not adjudication.triggers:
            return pb.AdjudicateResponse(adjudication=message)
        message.review_id = review_id(tenant, request.decision_id)
        packet = _packet(request, tenant, domain, adjudication, message)
        filing = await self.docket.file(packet, adjudication.execution_gate)
        message.review_id = filing.review_id
        message.gate.CopyFrom(gate_message(filing.gate, adjudication.signal_gate))
        return pb.AdjudicateResponse(
            adjudication=message,
            degraded_components=degraded("evaluator.reviews", "execution_gate_closed", filing.failure),
        )

    async def Readjudicate(
        self,
        request: pb.ReadjudicateRequest,
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.ReadjudicateResponse:
        """Return what the verdict would be; nothing is kept of it."""
        domain_of(request.case.domain)
        adjudication = adjudicate(case_of(request.case), policy_of(request, self.policies))
        return pb.ReadjudicateResponse(adjudication=adjudication_message(adjudication, request.case, self.clock.now()))


def _packet(
    request: pb.AdjudicateRequest,
    tenant: str,
    domain: str,
    adjudication: Adjudication,
    message: judgement_pb2.Adjudication,
) -> Packet:
    severity = max(adjudication.bench.severities_0_3, default=0.0)
    document = pb.ReviewPacket(
        review_id=message.review_id,
        decision_id=request.decision_id,
        domain=request.domain,
        severity_0_3=severity,
        triggers=adjudication.triggers,
        state=pb.REVIEW_STATE_OPEN,
        evaluations=request.evaluations,
        adjudication=message,
    )
    redaction.clean(document)
    return Packet(
        review_id=message.review_id,
        tenant=tenant,
        decision_id=request.decision_id,
        domain=domain,
        severity_0_3=severity,
        triggers=tuple(adjudication.triggers),
        verdict=adjudication.verdict.name.lower(),
        audit_hash=adjudication.audit_hash,
        document=MessageToJson(document, indent=None),
        subject_id=request.subject_id,
        requester_id=call.current().principal.subject,
    )
