"""What earlier decisions say about this one: alignment, conflict, support, drift, coverage (spec 2.11).

Precedent advises. It may make a verdict stricter; it never softens rights or autonomy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from services.evaluator.core.bench import MAX_SEVERITY_0_3, require_within
from services.evaluator.core.spread import clamp, mean, population_variance
from services.evaluator.core.verdict import Verdict

RELEVANT_SIMILARITY = 0.7
"""Below this a stored case is no precedent at all, however much better it is than the other candidates (trap T12)."""
ANY = "*"
"""The scope entry that admits everything (trap T13)."""

_STANCE: Mapping[Verdict, float] = {
    Verdict.ALLOW: 1.0,
    Verdict.CONSTRAINED_ALLOW: 0.5,
    Verdict.ESCALATE: 0.0,
    Verdict.ABSTAIN: 0.0,
    Verdict.DENY: -1.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """One earlier case that was found near this one."""

    precedent_id: str
    verdict: Verdict
    similarity: float
    """Absolute relevance 0-1, never relative to the best of what was retrieved."""
    mean_severity_0_3: float
    hard_refusal: bool = False
    """Whether it binds and refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """What the relevant precedents say together; the defaults are those of a case without any."""

    consulted: bool = True
    applied: tuple[str, ...] = ()
    alignment: float = 0.0
    """-1 (all denied) to 1 (all allowed); 0.0 when there is none (trap T8)."""
    conflict: float = 0.0
    support: float = 0.5
    mean_severity_0_3: float | None = None
    coverage: float = 0.0
    """Similarity of the nearest relevant precedent, 0-1."""
    refused_by_hard: bool = False

    @property
    def novel(self) -> bool:
        """Tell whether somebody looked and nothing relevant was ever decided (trap T6: one typed answer for all)."""
        return self.consulted and not self.applied

    def drift(self, severities_0_3: Sequence[float]) -> float:
        """Return how far these severities lie from what precedents of this kind had, 0-1."""
        return self.drift_of(mean(severities_0_3)) if severities_0_3 else 0.0

    def drift_of(self, mean_severity_0_3: float) -> float:
        """Return the same for severities of which only the mean is known."""
        if self.mean_severity_0_3 is None:
            return 0.0
        return abs(mean_severity_0_3 - self.mean_severity_0_3) / MAX_SEVERITY_0_3


NOT_CONSULTED = Guidance(consulted=False)


def consult(candidates: Sequence[Precedent]) -> Guidance:
    """Weigh the candidates that are relevant in absolute terms; the others count as never retrieved.

    Raises:
        CallerError: FIELD_OUT_OF_RANGE.
    """
    for candidate in candidates:
        require_within("precedents.similarity", candidate.similarity, 0.0, 1.0)
        require_within("precedents.mean_severity_0_3", candidate.mean_severity_0_3, 0.0, MAX_SEVERITY_0_3)
    relevant = [candidate for candidate in candidates if candidate.similarity >= RELEVANT_SIMILARITY]
    weighted = [case.similarity * _STANCE[case.verdict] for case in relevant]
    if not relevant:
        return Guidance()
    alignment = clamp(fsum(weighted) / fsum(case.similarity for case in relevant), low=-1.0)
    conflict = clamp(population_variance(weighted))
    return Guidance(
        applied=tuple(case.precedent_id for case in relevant),
        alignment=alignment,
        conflict=conflict,
        support=(alignment * (1 - conflict) + 1) / 2,
        mean_severity_0_3=mean([case.mean_severity_0_3 for case in relevant]),
        coverage=max(case.similarity for case in relevant),
        refused_by_hard=any(case.hard_refusal for case in relevant),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a precedent applies; an empty dimension or ``*`` admits every value."""

    workflows: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    def covers(self, *, workflow: str, product: str, role: str) -> bool:
        """Tell whether a case from this place may be governed by the precedent."""
        return all(
            _admits(allowed, value)
            for allowed, value in ((self.workflows, workflow), (self.products, product), (self.roles, role))
        )

    @property
    def specificity(self) -> int:
        """Return how narrow the scope is: workflow 3, product 2, role 1; a wildcard narrows nothing."""
        dimensions = ((self.workflows, 3), (self.products, 2), (self.roles, 1))
        return sum(weight for allowed, weight in dimensions if allowed and ANY not in allowed)


def _admits(allowed: frozenset[str], value: str) -> bool:
    return not allowed or ANY in allowed or value in allowed
