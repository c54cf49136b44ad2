"""From values to the wire."""

from collections.abc import Mapping
from datetime import datetime

from magistrate.common.v1 import critique_pb2, degradation_pb2, judgement_pb2
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from services.evaluator.core.adjudication import Adjudication
from services.evaluator.core.bench import Signal, critic_named
from services.evaluator.core.gate import Gate, HumanAction
from services.evaluator.core.light import Color, Constraints
from services.evaluator.core.quality import Report, Score
from services.evaluator.core.uncertainty import Uncertainty
from services.evaluator.core.verdict import Verdict

_VERDICTS: Mapping[Verdict, judgement_pb2.Verdict.ValueType] = {
    Verdict.ALLOW: judgement_pb2.VERDICT_ALLOW,
    Verdict.CONSTRAINED_ALLOW: judgement_pb2.VERDICT_CONSTRAINED_ALLOW,
    Verdict.ESCALATE: judgement_pb2.VERDICT_ESCALATE,
    Verdict.DENY: judgement_pb2.VERDICT_DENY,
    Verdict.ABSTAIN: judgement_pb2.VERDICT_ABSTAIN,
}
_ACTIONS: Mapping[HumanAction, judgement_pb2.HumanActionType.ValueType] = {
    HumanAction.NONE: judgement_pb2.HUMAN_ACTION_TYPE_UNSPECIFIED,
    HumanAction.ACK: judgement_pb2.HUMAN_ACTION_TYPE_ACK,
    HumanAction.DETERMINATION: judgement_pb2.HUMAN_ACTION_TYPE_DETERMINATION,
}
_LIGHTS: Mapping[Color, judgement_pb2.TrafficLight.ValueType] = {
    Color.GREEN: judgement_pb2.TRAFFIC_LIGHT_GREEN,
    Color.AMBER: judgement_pb2.TRAFFIC_LIGHT_AMBER,
    Color.RED: judgement_pb2.TRAFFIC_LIGHT_RED,
}


def report_message(report: Report) -> judgement_pb2.QualityReport:
    """Return the five scores for the wire."""
    return judgement_pb2.QualityReport(
        scores=[_score(score) for score in report.scores],
        overall=report.overall,
        coverage=report.coverage,
        passed=report.passed,
        threshold=report.threshold,
        rubric=report.rubric_id,
    )


def adjudication_message(
    adjudication: Adjudication, request: pb.AdjudicateRequest, now: datetime
) -> judgement_pb2.Adjudication:
    """Return the outcome for the wire; the critics' own signals are the very messages that came in."""
    aggregate = adjudication.aggregate
    return judgement_pb2.Adjudication(
        verdict=_VERDICTS[adjudication.verdict],
        label=_VERDICTS[aggregate.label],
        text_released=adjudication.text_released,
        gate=gate_message(adjudication.execution_gate, adjudication.signal_gate),
        signals=_signals(adjudication, request, now),
        uncertainty=_uncertainty(adjudication.uncertainty),
        average_severity_0_3=aggregate.average_0_3,
        max_severity_0_3=aggregate.max_0_3,
        priority_violations=aggregate.violations,
        dissent=[
            judgement_pb2.Dissent(
                critic=dissent.critic,
                position=dissent.position,
                severity_0_3=dissent.severity_0_3,
                rationale=dissent.rationale,
            )
            for dissent in adjudication.dissents
        ],
        review_triggers=adjudication.triggers,
        constraints=_constraints(adjudication.constraints),
        audit_hash=adjudication.audit_hash,
        explanation=adjudication.explanation,
        policy=adjudication.policy,
        grounds=adjudication.grounds,
    )


def gate_message(execution: Gate, signals: Gate) -> judgement_pb2.Gate:
    """Return the execution gate; its tier is that of the signals alone, a review adds none."""
    return judgement_pb2.Gate(
        gated=execution.gated,
        required_action=_ACTIONS[execution.required_action],
        highest_tier=int(signals.tier),
        reasons=execution.reasons,
    )


def degraded(component: str, fallback: str, reason: str) -> list[degradation_pb2.DegradedComponent]:
    """Return the one declaration, or none where nothing failed."""
    if not reason:
        return []
    return [degradation_pb2.DegradedComponent(component=component, fallback=fallback, reason=reason)]


def _score(score: Score) -> judgement_pb2.QualityScore:
    message = judgement_pb2.QualityScore(dimension=score.dimension, method=score.method, reason=score.reason)
    message.status = critique_pb2.EVALUATION_STATUS_NOT_EVALUATED
    if score.value is not None:
        message.status = critique_pb2.EVALUATION_STATUS_EVALUATED
        message.value = score.value
    return message


def _signals(
    adjudication: Adjudication, request: pb.AdjudicateRequest, now: datetime
) -> list[critique_pb2.EscalationSignal]:
    came_in = {critic_named(evaluation.critic): evaluation.signals for evaluation in request.evaluations}
    carried = [signal for evaluation in adjudication.bench.evaluations for signal in came_in[evaluation.critic]]
    return [*carried, *(_raised(signal, now) for signal in adjudication.signals[len(carried) :])]


def _raised(signal: Signal, now: datetime) -> critique_pb2.EscalationSignal:
    message = critique_pb2.EscalationSignal(
        clause_id=signal.clause_id,
        charter=signal.charter,
        tier=signal.tier,
        raised_by=signal.raised_by,
        clause_description=signal.clause_description,
        rationale=signal.rationale,
        blocking=signal.blocking,
    )
    message.raised_at.FromDatetime(now)
    return message


def _uncertainty(uncertainty: Uncertainty) -> judgement_pb2.Uncertainty:
    return judgement_pb2.Uncertainty(
        epistemic=uncertainty.epistemic,
        aleatoric=uncertainty.aleatoric,
        critic_divergence=uncertainty.critic_divergence,
        precedent_conflict=uncertainty.precedent_conflict,
        model_stability=uncertainty.model_stability,
        overall=uncertainty.overall,
        needs_escalation=uncertainty.needs_escalation,
        explanation=uncertainty.explanation,
        sources=uncertainty.sources,
    )


def _constraints(constraints: Constraints) -> judgement_pb2.Constraints:
    return judgement_pb2.Constraints(
        light=_LIGHTS[constraints.light],
        outcome=constraints.outcome,
        must_include=constraints.must_include,
        must_not=constraints.must_not,
        required_checks=constraints.required_checks,
        tone=constraints.tone,
    )
