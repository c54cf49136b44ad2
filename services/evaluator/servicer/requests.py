"""From the wire to values; what cannot be read is refused with its field."""

import re
from collections.abc import Mapping, Sequence

from magistrate.common.v1 import critique_pb2, judgement_pb2, task_pb2
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from services.chassis.errors import CallerError, Kind, invalid
from services.evaluator.core.adjudication import Case, context_was_lost
from services.evaluator.core.bench import Critic, Evaluation, Signal, Violation, critic_named
from services.evaluator.core.measures import Answer, cut
from services.evaluator.core.policy import NUMBERS, Policy, Shelf, policy
from services.evaluator.core.precedent import Precedent
from services.evaluator.core.quality import has_failed
from services.evaluator.core.verdict import Verdict

MAX_QUERY_CHARS = 10_000
MAX_OUTPUT_CHARS = 100_000
MAX_EMBEDDED_CHARS = 10_000
"""What EmbeddingService takes per text."""
MAX_PRECEDENTS = 50
_DECISION_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

DOMAINS: Mapping[int, str] = {
    task_pb2.DOMAIN_LITERARY: "literary",
    task_pb2.DOMAIN_MARKET: "market",
    task_pb2.DOMAIN_GENERAL: "general",
}
_TASKS = frozenset({task_pb2.TASK_TYPE_ANALYSIS, task_pb2.TASK_TYPE_GENERATION, task_pb2.TASK_TYPE_REASONING})
_VERDICTS: Mapping[int, Verdict] = {
    judgement_pb2.VERDICT_ALLOW: Verdict.ALLOW,
    judgement_pb2.VERDICT_CONSTRAINED_ALLOW: Verdict.CONSTRAINED_ALLOW,
    judgement_pb2.VERDICT_ESCALATE: Verdict.ESCALATE,
    judgement_pb2.VERDICT_DENY: Verdict.DENY,
    judgement_pb2.VERDICT_ABSTAIN: Verdict.ABSTAIN,
}
_SILENT = frozenset({critique_pb2.EVALUATION_STATUS_NOT_EVALUATED, critique_pb2.EVALUATION_STATUS_UNAVAILABLE})


def domain_of(value: int) -> str:
    """Return the field of work, refusing one that is unset or unknown."""
    if value not in DOMAINS:
        raise _unknown("domain", value)
    return DOMAINS[value]


def answer_of(request: pb.ScoreRequest) -> Answer:
    """Return what is to be scored."""
    _require_text("query", request.query, MAX_QUERY_CHARS)
    _require_text("output", request.output, MAX_OUTPUT_CHARS)
    if request.task_type not in _TASKS:
        raise _unknown("task_type", request.task_type)
    return cut(request.query, request.output, request.context_chunks, max_chars=MAX_EMBEDDED_CHARS)


def case_of(request: pb.AdjudicateRequest) -> Case:
    """Return what is to be decided."""
    _require_decision_id(request.decision_id)
    names = tuple(critic_named(evaluation.critic) for evaluation in request.evaluations)
    spoken = [_has_spoken(evaluation) for evaluation in request.evaluations]
    opinions = zip(names, request.evaluations, spoken, strict=True)
    quality = request.quality
    return Case(
        evaluations=tuple(_evaluation(name, evaluation) for name, evaluation, spoke in opinions if spoke),
        unavailable=tuple(name for name, spoke in zip(names, spoken, strict=True) if not spoke),
        candidates=_precedents(request.precedents.matches) if request.HasField("precedents") else None,
        model_name=request.model,
        high_impact=request.high_impact,
        proposes_execution=request.proposes_execution,
        context_lost=context_was_lost([c.component for c in request.degraded_components], request.context_confidence),
        models_disagree=request.models_disagree,
        quality_failed=has_failed(overall=quality.overall, coverage=quality.coverage, passed=quality.passed),
    )


def policy_of(request: pb.ReadjudicateRequest, shelf: Shelf) -> Policy:
    """Return the policy to judge by: one of the shelf, one to try out, or the one in force."""
    match request.WhichOneof("rules"):
        case "policy":
            return shelf.named(request.policy)
        case "trial":
            numbers = {field.name: number for field, number in request.trial.ListFields() if field.name in NUMBERS}
            return policy(request.trial.reference, numbers, field="trial")
        case _:
            return shelf.in_force


def _has_spoken(evaluation: critique_pb2.CriticEvaluation) -> bool:
    if evaluation.revision != 0:
        raise invalid("evaluations.revision", "must be 0: an opinion is sealed once", value=evaluation.revision)
    if evaluation.status == critique_pb2.EVALUATION_STATUS_EVALUATED:
        return True
    if evaluation.status not in _SILENT:
        raise _unknown("evaluations.status", evaluation.status)
    if evaluation.signals:
        clause = evaluation.signals[0].clause_id
        message = f"critic {evaluation.critic} raises {clause} although it made no evaluation"
        raise CallerError(
            Kind.INVALID, "SIGNAL_INVALID", message, metadata={"critic": evaluation.critic, "clause": clause}
        )
    return False


def _evaluation(critic: Critic, evaluation: critique_pb2.CriticEvaluation) -> Evaluation:
    return Evaluation(
        critic=critic,
        severity_0_3=evaluation.severity_0_3,
        confidence=evaluation.confidence,
        rationale=evaluation.rationale,
        violations=tuple(
            Violation(
                category=violation.category,
                description=violation.description,
                rule_id=violation.rule_id,
                severity_0_3=violation.severity_0_3,
            )
            for violation in evaluation.violations
        ),
        signals=tuple(_signal(signal) for signal in evaluation.signals),
    )


def _signal(signal: critique_pb2.EscalationSignal) -> Signal:
    return Signal(
        raised_by=signal.raised_by,
        clause_id=signal.clause_id,
        charter=signal.charter,
        tier=signal.tier,
        clause_description=signal.clause_description,
        rationale=signal.rationale,
        blocking=signal.blocking,
    )


def _precedents(matches: Sequence[pb.PrecedentMatch]) -> tuple[Precedent, ...]:
    if len(matches) > MAX_PRECEDENTS:
        problem = f"has {len(matches)} entries, at most {MAX_PRECEDENTS} are taken"
        raise invalid("precedents.matches", problem, reason="FIELD_TOO_LONG", value=len(matches))
    return tuple(_precedent(match) for match in matches)


def _precedent(match: pb.PrecedentMatch) -> Precedent:
    if match.decision not in _VERDICTS:
        raise _unknown("precedents.matches.decision", match.decision)
    return Precedent(
        precedent_id=match.precedent_id,
        verdict=_VERDICTS[match.decision],
        similarity=match.similarity,
        mean_severity_0_3=match.mean_severity_0_3,
        hard_refusal=match.hard_refusal,
    )


def _require_text(field: str, text: str, limit: int) -> None:
    if not text.strip():
        raise invalid(field, "must not be empty", reason="FIELD_REQUIRED")
    if len(text) > limit:
        problem = f"has {len(text)} characters, at most {limit} are taken"
        raise invalid(field, problem, reason="FIELD_TOO_LONG", value=len(text))


def _require_decision_id(decision_id: str) -> None:
    if not decision_id:
        raise invalid("decision_id", "must not be empty", reason="FIELD_REQUIRED")
    if not _DECISION_ID.fullmatch(decision_id):
        problem = "must be 1 to 128 letters, digits, dots, colons, dashes or underscores"
        raise invalid("decision_id", problem, reason="FIELD_MALFORMED")


def _unknown(field: str, value: int) -> CallerError:
    return invalid(field, "must be set to a value of its enum", reason="ENUM_UNKNOWN", value=value)
