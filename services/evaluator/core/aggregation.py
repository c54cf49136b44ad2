"""From severities to a label (spec 2.8, with traps T1 to T3 closed)."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.evaluator.core.bench import MAX_SEVERITY_0_3, PROTECTED, Critic, Evaluation
from services.evaluator.core.spread import clamp, mean
from services.evaluator.core.verdict import Verdict

VIOLATION_0_3 = 2.0
"""From here on a finding is a violation: never better than constrained."""
SEVERE_0_3 = 2.5
"""From here on a finding denies (rights, autonomy) or escalates (every other critic)."""
AVERAGE_CONSTRAINS_0_3 = 1.0
UNCERTAINTY_ESCALATES = 0.6
VIOLATIONS_ESCALATE = 3
"""So many critics with a violation, half the bench, need a person (trap T3: the count stands beside the mean)."""
OPPOSED_ALIGNMENT = -0.5
"""Below this, precedent decided such cases the other way, and a person must see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """One critic's severity before and after weighing."""

    critic: Critic
    raw_0_3: float
    adjusted_0_3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """The severities together and the label that follows from them alone."""

    label: Verdict
    severities: tuple[Adjusted, ...]
    average_0_3: float
    total_0_3: float
    max_0_3: float
    violations: tuple[Critic, ...]
    """Critics with a raw severity of 2.0 or more, in priority order."""


def weigh_precedent(severity_0_3: float, alignment: float) -> float:
    """Return the severity after precedent: opposed precedent raises it fully, agreeing precedent lowers it by 30 %."""
    factor = 1 - 0.3 * alignment if alignment >= 0 else 1 - alignment
    return clamp(severity_0_3 * factor, high=MAX_SEVERITY_0_3)


def weigh_uncertainty(severity_0_3: float, uncertainty: float) -> float:
    """Return the severity after uncertainty: full uncertainty raises it by half."""
    return clamp(severity_0_3 * (1 + 0.5 * uncertainty), high=MAX_SEVERITY_0_3)


def aggregate(evaluations: Sequence[Evaluation], *, alignment: float, uncertainty: float) -> Aggregate:
    """Weigh the evaluations, given in priority order, and label them.

    Args:
        evaluations: The sealed opinions.
        alignment: What precedent says, -1 to 1.
        uncertainty: The uncertainty a verdict may rest on, 0-1.
    """
    severities = tuple(_adjust(evaluation, alignment, uncertainty) for evaluation in evaluations)
    adjusted = [severity.adjusted_0_3 for severity in severities]
    average = mean(adjusted)
    return Aggregate(
        label=max(_label_of_findings(severities), _label_of_average(average, uncertainty), _label_of(alignment)),
        severities=severities,
        average_0_3=average,
        total_0_3=sum(adjusted),
        max_0_3=max(adjusted, default=0.0),
        violations=tuple(severity.critic for severity in severities if severity.raw_0_3 >= VIOLATION_0_3),
    )


def _adjust(evaluation: Evaluation, alignment: float, uncertainty: float) -> Adjusted:
    heard = min(alignment, 0.0) if evaluation.critic in PROTECTED else alignment
    after_precedent = weigh_precedent(evaluation.severity_0_3, heard)
    return Adjusted(
        critic=evaluation.critic,
        raw_0_3=evaluation.severity_0_3,
        adjusted_0_3=weigh_uncertainty(after_precedent, uncertainty),
    )


def _label_of_findings(severities: Sequence[Adjusted]) -> Verdict:
    """Judge single RAW findings: no mean and no precedent may dilute one of them (trap T2)."""
    severe = [severity for severity in severities if severity.raw_0_3 >= SEVERE_0_3]
    violations = [severity for severity in severities if severity.raw_0_3 >= VIOLATION_0_3]
    if any(severity.critic in PROTECTED for severity in severe):
        return Verdict.DENY
    if severe or len(violations) >= VIOLATIONS_ESCALATE:
        return Verdict.ESCALATE
    return Verdict.CONSTRAINED_ALLOW if violations else Verdict.ALLOW


def _label_of_average(average_0_3: float, uncertainty: float) -> Verdict:
    if average_0_3 < AVERAGE_CONSTRAINS_0_3:
        return Verdict.ALLOW
    return Verdict.ESCALATE if uncertainty >= UNCERTAINTY_ESCALATES else Verdict.CONSTRAINED_ALLOW


def _label_of(alignment: float) -> Verdict:
    return Verdict.ESCALATE if alignment < OPPOSED_ALIGNMENT else Verdict.ALLOW
