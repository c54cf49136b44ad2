"""The clauses that the evaluator itself may raise: its precedent and uncertainty engines (spec 2.1, traps T6, T7).

These are findings of those engines; the aggregation infers nothing from what critics said.
"""

from collections.abc import Mapping

from services.evaluator.core.bench import Bench, Signal
from services.evaluator.core.clauses import CLAUSES, Tier, owner_of
from services.evaluator.core.policy import STANDARD, Policy
from services.evaluator.core.precedent import Guidance
from services.evaluator.core.uncertainty import Peak

WORDING: Mapping[str, str] = {
    "PR1": "The impact is high and nothing comparable has been decided before.",
    "PR2": "Earlier decisions that apply here disagree in substance.",
    "U1": "Something that the judgement needs to know is missing.",
    "U2": "The impact is high and so is the uncertainty.",
}
"""The four clauses as the critic service lists them; a test compares both."""


def by_precedent(guidance: Guidance, *, high_impact: bool, policy: Policy = STANDARD) -> tuple[Signal, ...]:
    """Return PR1 for a novel case of high impact, PR2 for precedents in conflict."""
    raised = []
    if guidance.novel and high_impact:
        raised.append(_signal("PR1", "No stored case is similar enough to count, and the caller declares high impact."))
    if guidance.conflict >= policy.conflict_escalates:
        raised.append(_signal("PR2", f"The precedents conflict by {guidance.conflict:.2f} of 1."))
    return tuple(raised)


def by_uncertainty(bench: Bench, peak: Peak, *, high_impact: bool) -> tuple[Signal, ...]:
    """Return U1 where a critic is missing, U2 where high impact meets high uncertainty."""
    raised = []
    if bench.missing:
        raised.append(_signal("U1", f"No opinion from: {', '.join(bench.missing)}."))
    if high_impact and peak.needs_escalation:
        raised.append(_signal("U2", f"Overall uncertainty may reach {peak.overall:.2f} of 1."))
    return tuple(raised)


def _signal(clause_id: str, rationale: str) -> Signal:
    clause = CLAUSES[clause_id]
    return Signal(
        raised_by=owner_of(clause),
        clause_id=clause_id,
        charter=clause.charter,
        tier=clause.tier,
        clause_description=WORDING[clause_id],
        rationale=rationale,
        blocking=clause.tier is Tier.DETERMINE,
    )
