"""Who stands against the outcome, in their own words, and proof that nobody was silenced (spec 2.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.evaluator.core.bench import Critic, Evaluation
from services.evaluator.core.policy import STANDARD, Policy
from services.evaluator.core.verdict import Verdict

_SLACK = 0.01
"""How much a severity may shrink on its way through floating point: 1 %."""


class Position(StrEnum):
    """Where a critic stands."""

    ESCALATES = "escalates"
    CLEARS = "clears"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissent:
    """One critic whose position differs from the outcome."""

    critic: Critic
    position: Position
    severity_0_3: float
    rationale: str


def position_of(evaluation: Evaluation, policy: Policy = STANDARD) -> Position:
    """Return where a critic stands: it escalates by a clause or by a violation."""
    escalates = bool(evaluation.signals) or evaluation.severity_0_3 >= policy.violation_0_3
    return Position.ESCALATES if escalates else Position.CLEARS


def dissents(evaluations: Sequence[Evaluation], verdict: Verdict, policy: Policy = STANDARD) -> tuple[Dissent, ...]:
    """Return every critic that stands against the verdict, rationale byte for byte."""
    outcome = Position.CLEARS if verdict.permits_text else Position.ESCALATES
    return tuple(
        Dissent(
            critic=evaluation.critic,
            position=position_of(evaluation, policy),
            severity_0_3=evaluation.severity_0_3,
            rationale=evaluation.rationale,
        )
        for evaluation in evaluations
        if position_of(evaluation, policy) is not outcome
    )


def divided(evaluations: Sequence[Evaluation]) -> bool:
    """Tell whether at least one critic escalates and at least one does not."""
    return len({position_of(evaluation) for evaluation in evaluations}) > 1


def suppressed(sealed: Sequence[Evaluation], carried: Sequence[Evaluation]) -> tuple[Critic, ...]:
    """Return the critics that lost something between sealing and synthesis: themselves, a signal, or severity."""
    kept = {evaluation.critic: evaluation for evaluation in carried}
    return tuple(before.critic for before in sealed if _lost(before, kept.get(before.critic)))


def _lost(before: Evaluation, after: Evaluation | None) -> bool:
    if after is None:
        return True
    signal_lost = any(signal not in after.signals for signal in before.signals)
    return signal_lost or after.severity_0_3 < before.severity_0_3 * (1 - _SLACK)
