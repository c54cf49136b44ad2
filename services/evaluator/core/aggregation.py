"""From severities to a label (spec 2.8, with traps T1 to T3 closed)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.evaluator.core.bench import MAX_SEVERITY_0_3, PROTECTED, Critic, Evaluation
from services.evaluator.core.demand import Demand, strictest
from services.evaluator.core.policy import STANDARD, Policy
from services.evaluator.core.spread import clamp, mean
from services.evaluator.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """One critic's severity before and after weighing."""

    critic: Critic
    raw_0_3: float
    adjusted_0_3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """The severities together and the label that follows from them alone."""

    demands: tuple[Demand, ...]
    """What the severities ask for, each with its rule."""
    severities: tuple[Adjusted, ...]
    average_0_3: float
    total_0_3: float
    max_0_3: float
    violations: tuple[Critic, ...]
    """Critics whose raw severity is a violation, in priority order."""

    @property
    def label(self) -> Verdict:
        """Return what the formula alone comes to."""
        return strictest(self.demands)


def weigh_precedent(severity_0_3: float, alignment: float) -> float:
    """Return the severity after precedent: opposed precedent raises it fully, agreeing precedent lowers it by 30 %."""
    factor = 1 - 0.3 * alignment if alignment >= 0 else 1 - alignment
    return clamp(severity_0_3 * factor, high=MAX_SEVERITY_0_3)


def weigh_uncertainty(severity_0_3: float, uncertainty: float) -> float:
    """Return the severity after uncertainty: full uncertainty raises it by half."""
    return clamp(severity_0_3 * (1 + 0.5 * uncertainty), high=MAX_SEVERITY_0_3)


def aggregate(
    evaluations: Sequence[Evaluation], *, alignment: float, uncertainty: float, policy: Policy = STANDARD
) -> Aggregate:
    """Weigh the evaluations, given in priority order, and label them.

    Args:
        evaluations: The sealed opinions.
        alignment: What precedent says, -1 to 1.
        uncertainty: The uncertainty a verdict may rest on, 0-1.
        policy: Where findings begin to count.
    """
    severities = tuple(_adjust(evaluation, alignment, uncertainty) for evaluation in evaluations)
    adjusted = [severity.adjusted_0_3 for severity in severities]
    average = mean(adjusted)
    return Aggregate(
        demands=(
            *_of_findings(severities, policy),
            *_of_average(average, uncertainty, policy),
            *_of_precedent(alignment, policy),
        ),
        severities=severities,
        average_0_3=average,
        total_0_3=sum(adjusted),
        max_0_3=max(adjusted, default=0.0),
        violations=tuple(severity.critic for severity in severities if severity.raw_0_3 >= policy.violation_0_3),
    )


def _adjust(evaluation: Evaluation, alignment: float, uncertainty: float) -> Adjusted:
    heard = min(alignment, 0.0) if evaluation.critic in PROTECTED else alignment
    after_precedent = weigh_precedent(evaluation.severity_0_3, heard)
    return Adjusted(
        critic=evaluation.critic,
        raw_0_3=evaluation.severity_0_3,
        adjusted_0_3=weigh_uncertainty(after_precedent, uncertainty),
    )


def _of_findings(severities: Sequence[Adjusted], policy: Policy) -> Iterator[Demand]:
    """Judge single RAW findings: no mean and no precedent may dilute one of them (trap T2)."""
    violations = [severity for severity in severities if severity.raw_0_3 >= policy.violation_0_3]
    for severity in violations:
        if severity.raw_0_3 >= policy.severe_0_3:
            protected = severity.critic in PROTECTED
            verdict = Verdict.DENY if protected else Verdict.ESCALATE
            yield Demand(rule=f"severe:{severity.critic}", verdict=verdict)
        else:
            yield Demand(rule=f"violation:{severity.critic}", verdict=Verdict.CONSTRAINED_ALLOW)
    if len(violations) >= policy.violations_escalate:
        yield Demand(rule="many_violations", verdict=Verdict.ESCALATE)


def _of_average(average_0_3: float, uncertainty: float, policy: Policy) -> Iterator[Demand]:
    if average_0_3 < policy.average_constrains_0_3:
        return
    if uncertainty >= policy.uncertainty_escalates:
        yield Demand(rule="average_severity_uncertain", verdict=Verdict.ESCALATE)
    else:
        yield Demand(rule="average_severity", verdict=Verdict.CONSTRAINED_ALLOW)


def _of_precedent(alignment: float, policy: Policy) -> Iterator[Demand]:
    if alignment < policy.opposed_alignment:
        yield Demand(rule="precedent_opposed", verdict=Verdict.ESCALATE)
