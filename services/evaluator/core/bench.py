"""The six critics, what each of them said, and who is missing (spec 2.1, 2.5, 2.6)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from services.chassis.errors import CallerError, Kind, invalid
from services.evaluator.core.clauses import CLAUSES, Tier, owner_of

MAX_SEVERITY_0_3 = 3.0


class Critic(StrEnum):
    """The scoring critics in lexicographic order: what the first sees weighs before what the next sees."""

    RIGHTS = "rights"
    AUTONOMY = "autonomy"
    FAIRNESS = "fairness"
    TRUTH = "truth"
    RISK = "risk"
    OPERATIONS = "operations"


PRIORITY: Sequence[Critic] = tuple(Critic)
PROTECTED = frozenset({Critic.RIGHTS, Critic.AUTONOMY})
"""The critics whose findings neither precedent nor a lower critic may soften (spec 2.8, 2.11)."""
_ALIASES = {"pragmatics": Critic.OPERATIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One clause raised by a critic or by an engine: binding, and carried unaltered to the end."""

    raised_by: str
    clause_id: str
    charter: str
    tier: int
    clause_description: str
    rationale: str
    blocking: bool

    @property
    def pair(self) -> str:
        """Return the ``critic:clause`` name that a gate's reason and a person's action cite."""
        return f"{self.raised_by}:{self.clause_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing a critic found, in its own words."""

    category: str
    description: str
    rule_id: str
    severity_0_3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The sealed opinion of one critic."""

    critic: Critic
    severity_0_3: float
    """Size of the impact: 0 none, 1 minor, 2 moderate, 3 severe; never a probability."""
    confidence: float = 1.0
    rationale: str = ""
    violations: tuple[Violation, ...] = ()
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Every opinion that arrived, in priority order, and every critic that has none."""

    evaluations: tuple[Evaluation, ...]
    missing: tuple[Critic, ...]

    @property
    def severities_0_3(self) -> tuple[float, ...]:
        """Return the raw severities in priority order."""
        return tuple(evaluation.severity_0_3 for evaluation in self.evaluations)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Return every clause the critics raised, in priority order."""
        return tuple(signal for evaluation in self.evaluations for signal in evaluation.signals)

    @property
    def missing_share(self) -> float:
        """Return how much of the bench is silent, 0-1."""
        return len(self.missing) / len(PRIORITY)


def critic_named(name: str) -> Critic:
    """Return the critic that ``name`` or its alias means.

    Raises:
        CallerError: FIELD_MALFORMED where there is no such critic.
    """
    try:
        return _ALIASES.get(name) or Critic(name)
    except ValueError:
        raise invalid("critic", f"must be one of {', '.join(PRIORITY)}", reason="FIELD_MALFORMED", value=name) from None


def seat(evaluations: Sequence[Evaluation]) -> Bench:
    """Check the opinions and put them in priority order; a critic that sent none is missing.

    Raises:
        CallerError: FIELD_OUT_OF_RANGE, DUPLICATE_ENTRY or SIGNAL_INVALID.
    """
    refuse_duplicates("evaluations.critic", [evaluation.critic for evaluation in evaluations])
    for evaluation in evaluations:
        _check(evaluation)
    heard = {evaluation.critic: evaluation for evaluation in evaluations}
    return Bench(
        evaluations=tuple(heard[critic] for critic in PRIORITY if critic in heard),
        missing=tuple(critic for critic in PRIORITY if critic not in heard),
    )


def require_within(field: str, value: float, low: float, high: float) -> None:
    """Refuse a ``value`` outside ``low``-``high``; NaN and infinities are outside everything."""
    if not (isfinite(value) and low <= value <= high):
        raise invalid(field, f"must be a number from {low:g} to {high:g}", value=str(value))


def refuse_duplicates(field: str, names: Sequence[str]) -> None:
    """Refuse a name given twice: each critic has one sealed opinion (spec 2.5)."""
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise invalid(field, "must name each entry once", reason="DUPLICATE_ENTRY", value=twice)


def _check(evaluation: Evaluation) -> None:
    path = f"evaluations.{evaluation.critic}"
    require_within(f"{path}.severity_0_3", evaluation.severity_0_3, 0.0, MAX_SEVERITY_0_3)
    require_within(f"{path}.confidence", evaluation.confidence, 0.0, 1.0)
    for violation in evaluation.violations:
        require_within(f"{path}.violations.severity_0_3", violation.severity_0_3, 0.0, MAX_SEVERITY_0_3)
    for signal in evaluation.signals:
        problem = _spoof(evaluation.critic, signal)
        if problem:
            raise CallerError(
                Kind.INVALID,
                "SIGNAL_INVALID",
                f"signal {signal.pair} of critic {evaluation.critic}: {problem}",
                metadata={"critic": evaluation.critic, "clause": signal.clause_id},
            )


def _spoof(sender: Critic, signal: Signal) -> str:
    clause = CLAUSES.get(signal.clause_id)
    if clause is None:
        return "there is no such clause"
    if signal.raised_by != sender:
        return f"it names {signal.raised_by} as its origin"
    if owner_of(clause) != sender:
        return f"only {owner_of(clause)} may raise this clause"
    if signal.tier != clause.tier or signal.charter != clause.charter:
        return f"the clause belongs to charter {clause.charter}, tier {int(clause.tier)}"
    if signal.blocking != (clause.tier is Tier.DETERMINE):
        return "a signal blocks exactly where its tier is 3"
    return ""
