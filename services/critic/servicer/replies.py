"""From the values of the core to the contract's replies."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.common.v1 import critique_pb2
from magistrate.critic.v1 import critic_pb2 as pb
from services.critic.core.clauses import BY_ID, CLAUSES, Clause
from services.critic.core.evaluation import Evaluation, Signal, Unavailable, Violation
from services.critic.core.screening import SCREEN_VERSION, ScreenFinding, Verdict
from services.critic.core.vocabulary import Side
from services.critic.panel import Opinion, Seat

_SIDES = {Side.INPUT: critique_pb2.TEXT_SIDE_INPUT, Side.OUTPUT: critique_pb2.TEXT_SIDE_OUTPUT}


def evaluation_message(opinion: Opinion) -> critique_pb2.CriticEvaluation:
    """Return one opinion; an unavailable critic has a reason and no number."""
    judgement = opinion.judgement
    message = critique_pb2.CriticEvaluation(
        critic=judgement.critic.value,
        version=opinion.version,
        duration=_duration(opinion.seconds),
        sealed_at=_timestamp(judgement.sealed_at),
    )
    if isinstance(judgement, Unavailable):
        message.status = critique_pb2.EVALUATION_STATUS_UNAVAILABLE
        message.reason = judgement.cause
        message.rationale = "The critic could not judge; nothing is known about its side of the case."
    else:
        _fill(message, judgement)
    return message


def screen_message(verdict: Verdict, seconds: float) -> pb.ScreenResponse:
    """Return what screening said; actions and levels have the numbers of the contract's enums."""
    return pb.ScreenResponse(
        action=pb.ScreenAction.ValueType(verdict.action),
        risk=pb.RiskLevel.ValueType(verdict.level or 0),
        findings=[_screen_finding(finding) for finding in verdict.findings],
        version=SCREEN_VERSION,
        duration=_duration(seconds),
    )


def critic_message(seat: Seat, editions: Sequence[str]) -> pb.Critic:
    """Return what one critic is for."""
    mandate = seat.mandate
    return pb.Critic(
        name=mandate.name.value,
        mandate=mandate.purpose,
        version=seat.version,
        threshold_0_3=mandate.threshold_0_3,
        clauses=[clause.clause_id for clause in CLAUSES if clause.owner is mandate.name],
        editions=editions,
    )


def clause_message(clause: Clause) -> pb.Clause:
    """Return one row of the clause table."""
    return pb.Clause(
        clause_id=clause.clause_id,
        charter=clause.charter.value,
        tier=int(clause.tier),
        description=clause.description,
        owner=clause.owner.value,
    )


def _fill(message: critique_pb2.CriticEvaluation, evaluation: Evaluation) -> None:
    message.status = critique_pb2.EVALUATION_STATUS_EVALUATED
    message.severity_0_3 = evaluation.severity_0_3
    message.confidence = evaluation.confidence
    message.violations.extend(_violation(violation, evaluation) for violation in evaluation.violations)
    message.signals.extend(_signal(signal) for signal in evaluation.signals)
    message.rationale = _rationale(evaluation)
    message.revision = evaluation.revision
    message.duplicates_removed = evaluation.duplicates_removed


def _violation(violation: Violation, evaluation: Evaluation) -> critique_pb2.Violation:
    return critique_pb2.Violation(
        category=violation.category,
        description=violation.description,
        rule_id=f"{violation.rule_id}@{evaluation.rules_version}",
        side=_SIDES[violation.side],
        start_offset=violation.span.start,
        end_offset=violation.span.end,
        severity_0_3=violation.severity_0_3,
    )


def _signal(signal: Signal) -> critique_pb2.EscalationSignal:
    return critique_pb2.EscalationSignal(
        clause_id=signal.clause_id,
        charter=BY_ID[signal.clause_id].charter.value,
        tier=int(signal.tier),
        raised_by=signal.critic.value,
        clause_description=signal.clause_description,
        rationale=signal.rationale,
        blocking=signal.blocking,
        raised_at=_timestamp(signal.raised_at),
    )


def _rationale(evaluation: Evaluation) -> str:
    if not evaluation.violations:
        return "The rules found nothing on either side."
    worst = max(evaluation.violations, key=lambda violation: violation.severity_0_3)
    return f"{len(evaluation.violations)} found; the gravest: {worst.description}"


def _screen_finding(finding: ScreenFinding) -> pb.ScreenFinding:
    return pb.ScreenFinding(
        detector=f"{finding.rule_id}@{SCREEN_VERSION.rpartition('@')[2]}",
        risk=pb.RiskLevel.ValueType(finding.level),
        score=finding.score,
        start_offset=finding.span.start,
        end_offset=finding.span.end,
        transformations=finding.chain,
        description=finding.description,
    )


def _duration(seconds: float) -> Duration:
    message = Duration()
    message.FromTimedelta(timedelta(seconds=max(0.0, seconds)))
    return message


def _timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message
