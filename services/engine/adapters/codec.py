"""A decision as the contract writes it: for replies, for the evidence log and for the store."""

from datetime import UTC, datetime
from typing import cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.common.v1 import critique_pb2, judgement_pb2, usage_pb2
from magistrate.engine.v1 import engine_pb2
from services.chassis import redaction
from services.engine.adapters import degradation, enums, questions
from services.engine.core.decision import Decision, Evidence, Stage

MEDIA_TYPE = "application/x-protobuf; messageType=magistrate.engine.v1.Decision"
"""Media type of an encoded decision."""


def message(decision: Decision) -> engine_pb2.Decision:
    """Return ``decision`` as a message."""
    return engine_pb2.Decision(
        decision_id=decision.decision_id,
        question=questions.write(decision.question),
        verdict=enums.verdict(decision.verdict),
        answer=decision.answer,
        withheld=bool(decision.withheld_reason),
        withheld_reason=decision.withheld_reason,
        quality=cast("judgement_pb2.QualityReport", decision.scored.report),
        critics=[cast("critique_pb2.CriticEvaluation", sealed) for sealed in decision.reviewed.evaluations],
        adjudication=cast("judgement_pb2.Adjudication", decision.adjudicated.adjudication),
        route=cast("usage_pb2.Route", decision.generated.route),
        context=cast("engine_pb2.ContextUse | None", decision.gathered.use),
        screening=engine_pb2.Screening(action=decision.screened.action, detectors=decision.screened.detectors),
        stages=[stage(each) for each in decision.stages],
        degraded_mode=enums.mode(decision.gathered.mode),
        degraded_components=degradation.write(decision.degraded),
        evidence=evidence(decision.evidence) if decision.evidence else None,
        created_at=_timestamp(decision.created_at),
        duration=_duration(decision.duration_s),
        request_id=decision.request_id,
        truncated=decision.generated.truncated,
    )


def encode(decision: Decision) -> bytes:
    """Return the bytes of ``decision``; the same decision gives the same bytes."""
    return message(decision).SerializeToString(deterministic=True)


def storable(body: bytes) -> bytes:
    """Return an encoded decision as it may be kept: without what looks like a credential, as in the evidence."""
    kept = decode(body)
    return kept.SerializeToString(deterministic=True) if redaction.clean(kept) else body


def decode(body: bytes) -> engine_pb2.Decision:
    """Return the decision that ``encode`` wrote."""
    return engine_pb2.Decision.FromString(body)


def stage(value: Stage) -> engine_pb2.Stage:
    """Return one stage as a message."""
    return engine_pb2.Stage(
        name=value.name,
        outcome=enums.outcome(value.outcome),
        started_after=_duration(value.started_after_s),
        duration=_duration(value.duration_s),
    )


def evidence(value: Evidence) -> engine_pb2.Evidence:
    """Return the place of the evidence as a message."""
    return engine_pb2.Evidence(origin=value.origin, index=value.index, leaf_hash=value.leaf_hash, pending=value.pending)


def _timestamp(moment: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(moment.astimezone(UTC))
    return result


def _duration(seconds: float) -> Duration:
    result = Duration()
    result.FromMicroseconds(round(seconds * 1_000_000))
    return result
