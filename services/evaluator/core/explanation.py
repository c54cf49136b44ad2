"""Why a verdict is what it is, in a sentence a person can check against the numbers."""

from services.evaluator.core.aggregation import Aggregate
from services.evaluator.core.bench import PRIORITY, Bench
from services.evaluator.core.gate import Gate
from services.evaluator.core.policy import STANDARD, Policy
from services.evaluator.core.precedent import Guidance
from services.evaluator.core.verdict import VOCABULARY, Verdict


def explain(
    verdict: Verdict,
    *,
    bench: Bench,
    synthesis: Aggregate,
    guidance: Guidance,
    signal_gate: Gate,
    models_disagree: bool = False,
    policy: Policy = STANDARD,
) -> str:
    """Return the verdict and every cause that kept it from being better."""
    average = synthesis.average_0_3
    causes = [
        _violations(synthesis),
        f"clauses raised: {', '.join(signal_gate.reasons)}" if signal_gate.reasons else "",
        f"{len(bench.missing)} of {len(PRIORITY)} critics missing" if bench.missing else "",
        "the models that voted on the answer did not agree" if models_disagree else "",
        f"average severity {average:.2f}" if average >= policy.average_constrains_0_3 else "",
        "precedent decided such cases the other way" if guidance.alignment < policy.opposed_alignment else "",
    ]
    given = "; ".join(cause for cause in causes if cause) or "no critic found a violation"
    return f"{VOCABULARY[verdict].api}: {given}."


def _violations(synthesis: Aggregate) -> str:
    found = [s for s in synthesis.severities if s.critic in synthesis.violations]
    return "violations: " + ", ".join(f"{s.critic} {s.raw_0_3:.2f}" for s in found) if found else ""
