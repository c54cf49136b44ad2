"""How little the mesh knows about one decision (spec 2.10), and the reading of it that a verdict may rest on."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.evaluator.core.policy import STANDARD, Policy
from services.evaluator.core.precedent import NOT_CONSULTED, Guidance
from services.evaluator.core.spread import clamp, population_variance

DIVERGENCE_WEIGHT = 0.6
DRIFT_WEIGHT = 0.4
NOVELTY_WEIGHT = 0.15
"""Epistemic uncertainty added when precedent was consulted and nothing relevant exists (trap T7)."""
MISSING_WEIGHT = 0.6
"""Epistemic uncertainty of an entirely silent bench, as much as a fully divided one; one of six critics adds 0.1."""
UNKNOWN_MODEL = 0.20
DIVERGENCE_COUNTS = 0.20
"""From here on disagreement of the critics is named as a source."""

_FAMILIES = (
    (re.compile(r"(gpt|claude|grok)(?![a-z])"), 0.05),
    (re.compile(r"(llama|mistral|(?<![a-z])phi)(?![a-z])"), 0.15),
)
"""Instability by model family; a family is a whole word, so that ``philosopher`` is no ``phi`` (trap T27)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknowns:
    """What besides the severities makes a decision uncertain."""

    guidance: Guidance = NOT_CONSULTED
    """What precedent says; unconsulted precedent adds nothing."""
    model_name: str = ""
    missing_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """Every part of the uncertainty, each 0-1."""

    epistemic: float
    aleatoric: float
    critic_divergence: float
    precedent_conflict: float
    model_stability: float
    """Despite its name a penalty: higher is less stable (the name is the one of the specification)."""
    overall: float
    needs_escalation: bool
    sources: tuple[str, ...]
    explanation: str


def model_instability(model_name: str) -> float:
    """Return the penalty 0.05-0.20 of the family that ``model_name`` belongs to."""
    name = model_name.lower()
    return next((penalty for family, penalty in _FAMILIES if family.search(name)), UNKNOWN_MODEL)


def divergence(severities_0_3: Sequence[float]) -> float:
    """Return how much the critics disagree, 0-1; one critic cannot disagree."""
    return clamp(population_variance(severities_0_3) / 2)


def assess(severities_0_3: Sequence[float], unknowns: Unknowns, policy: Policy = STANDARD) -> Uncertainty:
    """Return the uncertainty of a decision over these raw severities."""
    conflict = unknowns.guidance.conflict
    epistemic = _epistemic(_known(severities_0_3, unknowns), unknowns)
    instability = model_instability(unknowns.model_name)
    overall = _overall(epistemic, conflict, instability)
    sources = _sources(divergence(severities_0_3), unknowns)
    return Uncertainty(
        epistemic=epistemic,
        aleatoric=conflict,
        critic_divergence=divergence(severities_0_3),
        precedent_conflict=conflict,
        model_stability=instability,
        overall=overall,
        needs_escalation=_needs_escalation(overall, conflict, policy),
        sources=sources,
        explanation=_explain(overall, sources),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The uncertainty that a verdict rests on."""

    overall: float
    needs_escalation: bool


def peak(severities_0_3: Sequence[float], unknowns: Unknowns, policy: Policy = STANDARD) -> Peak:
    """Return the greatest uncertainty that any milder reading of the same critics would have.

    Divergence and drift can fall when a critic finds something WORSE; a verdict resting on them could then relax.
    Their sum, before it is clamped, is convex, so its maximum over all readings between 0 and each severity lies at a
    corner, where every critic either keeps its finding or is silent. The result only grows with the severities.
    """
    conflict = unknowns.guidance.conflict
    known = max(_corner_uncertainties(severities_0_3, unknowns.guidance), default=0.0)
    overall = _overall(_epistemic(known, unknowns), conflict, model_instability(unknowns.model_name))
    return Peak(overall=overall, needs_escalation=_needs_escalation(overall, conflict, policy))


def _known(severities_0_3: Sequence[float], unknowns: Unknowns) -> float:
    return DIVERGENCE_WEIGHT * divergence(severities_0_3) + DRIFT_WEIGHT * unknowns.guidance.drift(severities_0_3)


def _epistemic(known: float, unknowns: Unknowns) -> float:
    novelty = NOVELTY_WEIGHT if unknowns.guidance.novel else 0.0
    return clamp(known + novelty + MISSING_WEIGHT * unknowns.missing_share)


def _overall(epistemic: float, aleatoric: float, instability: float) -> float:
    return clamp(0.5 * epistemic + 0.4 * aleatoric + 0.1 * instability)


def _needs_escalation(overall: float, conflict: float, policy: Policy) -> bool:
    return overall >= policy.overall_escalates or conflict >= policy.conflict_escalates


def _corner_uncertainties(severities_0_3: Sequence[float], guidance: Guidance) -> Iterator[float]:
    """Yield divergence and drift, weighed and unclamped, at every corner: 64 of them for six critics."""
    count = len(severities_0_3)
    sums = [(0.0, 0.0)] if count else []
    for severity in severities_0_3:
        sums += [(total + severity, squares + severity**2) for total, squares in sums]
    for total, squares in sums:
        mean = total / count
        yield DIVERGENCE_WEIGHT * (squares / count - mean**2) / 2 + DRIFT_WEIGHT * guidance.drift_of(mean)


def _sources(divided: float, unknowns: Unknowns) -> tuple[str, ...]:
    present = {
        "critic_disagreement": divided >= DIVERGENCE_COUNTS,
        "critic_missing": unknowns.missing_share > 0,
        "novel_precedent": unknowns.guidance.novel,
        "precedent_conflict": unknowns.guidance.conflict > 0,
        "model_ambiguity": model_instability(unknowns.model_name) >= UNKNOWN_MODEL,
    }
    return tuple(source for source, is_present in present.items() if is_present)


def _explain(overall: float, sources: Sequence[str]) -> str:
    causes = ", ".join(source.replace("_", " ") for source in sources) or "no particular source"
    return f"Overall uncertainty is {overall:.2f} of 1, from {causes}."
