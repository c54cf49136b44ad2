"""What the audit hash of an adjudication covers: opinions, synthesis and escalation, without any time (spec 2.8)."""

from collections.abc import Sequence

from services.evaluator.core.aggregation import Aggregate
from services.evaluator.core.audit import Content, audit_hash
from services.evaluator.core.bench import Bench, Evaluation, Signal
from services.evaluator.core.gate import Gate
from services.evaluator.core.uncertainty import Uncertainty
from services.evaluator.core.verdict import Verdict


def seal(
    *,
    bench: Bench,
    synthesis: Aggregate,
    uncertainty: Uncertainty,
    signal_gate: Gate,
    signals: Sequence[Signal],
    verdict: Verdict,
) -> str:
    """Return the audit hash, 64 lowercase hex digits."""
    return audit_hash(
        {
            "verdict": verdict,
            "label": synthesis.label,
            "average_severity_0_3": synthesis.average_0_3,
            "adjusted": {severity.critic: severity.adjusted_0_3 for severity in synthesis.severities},
            "uncertainty": uncertainty.overall,
            "missing": list(bench.missing),
            "evaluations": [_opinion(evaluation) for evaluation in bench.evaluations],
            "escalation": {
                "tier": int(signal_gate.tier),
                "reasons": list(signal_gate.reasons),
                "signals": [_signal(signal) for signal in signals],
            },
        }
    )


def _opinion(evaluation: Evaluation) -> Content:
    return {
        "critic": evaluation.critic,
        "severity_0_3": evaluation.severity_0_3,
        "confidence": evaluation.confidence,
        "rationale": evaluation.rationale,
        "violations": [
            {
                "category": violation.category,
                "description": violation.description,
                "rule_id": violation.rule_id,
                "severity_0_3": violation.severity_0_3,
            }
            for violation in evaluation.violations
        ],
        "signals": [_signal(signal) for signal in evaluation.signals],
    }


def _signal(signal: Signal) -> Content:
    return {
        "raised_by": signal.raised_by,
        "clause": signal.clause_id,
        "charter": signal.charter,
        "tier": int(signal.tier),
        "description": signal.clause_description,
        "rationale": signal.rationale,
        "blocking": signal.blocking,
    }
