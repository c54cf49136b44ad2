"""The traffic light: what the outcome asks of whoever acts on it (spec 2.12). It advises; the gate enforces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.evaluator.core.bench import Critic
from services.evaluator.core.verdict import VOCABULARY, Verdict

DIVERGENCE_MEDIUM = 0.20
"""From here on the critics' disagreement makes the light cautious; 0.35 and more is called high and treated alike."""


class Color(IntEnum):
    """The light, from best to worst."""

    GREEN = 1
    AMBER = 2
    RED = 3


class RiskTier(IntEnum):
    """How much is at stake, as the caller declares it."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


GREEN_COVERAGE: Mapping[RiskTier, float] = {RiskTier.HIGH: 0.75, RiskTier.MEDIUM: 0.65, RiskTier.LOW: 0.55}
"""How well precedent must cover a case of this risk for a light that is not weak, 0-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the light is chosen from."""

    risk: RiskTier
    coverage: float
    """How well precedent covers the case, 0-1, absolute."""
    divergence: float
    verdict: Verdict
    refused_by_hard_precedent: bool = False
    rights_conflict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """The bundle that travels with the decision."""

    light: Color
    outcome: str
    must_include: tuple[str, ...]
    must_not: tuple[str, ...]
    required_checks: tuple[str, ...]
    tone: str


def risk_of(*, high_impact: bool, proposes_execution: bool) -> RiskTier:
    """Return the risk that the caller's declarations amount to."""
    if high_impact:
        return RiskTier.HIGH
    return RiskTier.MEDIUM if proposes_execution else RiskTier.LOW


def color(situation: Situation) -> Color:
    """Choose the light: never better than the verdict, and green is still audited."""
    if situation.verdict is Verdict.DENY or situation.refused_by_hard_precedent:
        return Color.RED
    if not situation.verdict.permits_text or _needs_care(situation):
        return Color.AMBER
    return Color.GREEN


def _needs_care(situation: Situation) -> bool:
    weak = situation.coverage < GREEN_COVERAGE[situation.risk]
    unsure = situation.divergence >= DIVERGENCE_MEDIUM
    if situation.risk is RiskTier.HIGH and (weak or unsure):
        return True
    if situation.risk is RiskTier.MEDIUM and weak and unsure:
        return True
    return situation.rights_conflict and weak


_MUST_NOT: Mapping[Critic, str] = {
    Critic.RIGHTS: "demean, discriminate or disclose private data",
    Critic.AUTONOMY: "press, mislead or act without consent",
    Critic.FAIRNESS: "treat groups differently without a stated reason",
    Critic.TRUTH: "state as fact what no source supports",
    Critic.RISK: "give instructions that can cause harm",
    Critic.OPERATIONS: "promise what cannot be carried out or undone",
}


def constraints(light: Color, *, verdict: Verdict, violations: Sequence[Critic], quality_failed: bool) -> Constraints:
    """Return what an acceptable answer must have and avoid, given the critics that found a violation."""
    cautious = light is not Color.GREEN
    quality_check = ("answer compared with question and sources",) if quality_failed else ()
    return Constraints(
        light=light,
        outcome=VOCABULARY[verdict].outcome,
        must_include=("the limits of what is known",) if cautious else (),
        must_not=tuple(_MUST_NOT[critic] for critic in violations),
        required_checks=(*(f"{critic} finding examined" for critic in violations), *quality_check),
        tone="cautious" if cautious else "neutral",
    )
