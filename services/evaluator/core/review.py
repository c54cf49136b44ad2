"""When a person must look at a decision afterwards: fixed thresholds, no learning (spec 2.7)."""

from collections.abc import Sequence
from enum import StrEnum

from services.evaluator.core.bench import Bench, Signal
from services.evaluator.core.clauses import Charter
from services.evaluator.core.policy import STANDARD, Policy
from services.evaluator.core.spread import clamp, population_variance

_FULL_DISAGREEMENT = 1.56
"""The population variance that counts as complete disagreement."""
_PERSONAL = frozenset({Charter.DIGNITY, Charter.AUTONOMY})


class Trigger(StrEnum):
    """Why a review is due."""

    SEVERITY = "severity"
    DISAGREEMENT = "critic_disagreement"
    NOVEL_PRECEDENT = "novel_precedent"
    DIGNITY_OR_AUTONOMY = "dignity_or_autonomy"
    UNCERTAINTY = "uncertainty"


def disagreement(severities_0_3: Sequence[float]) -> float:
    """Return how far the critics disagree, 0-1, on the scale of the review triggers."""
    return clamp(population_variance(severities_0_3) / _FULL_DISAGREEMENT)


def triggers(
    bench: Bench, *, signals: Sequence[Signal], novel: bool, uncertain: bool, policy: Policy = STANDARD
) -> tuple[Trigger, ...]:
    """Return every trigger that fires, in a fixed order."""
    severities = bench.severities_0_3
    fired = {
        Trigger.SEVERITY: max(severities, default=0.0) >= policy.review_severity_0_3,
        Trigger.DISAGREEMENT: disagreement(severities) >= policy.review_disagreement,
        Trigger.NOVEL_PRECEDENT: novel,
        Trigger.DIGNITY_OR_AUTONOMY: any(signal.charter in _PERSONAL for signal in signals),
        Trigger.UNCERTAINTY: uncertain,
    }
    return tuple(trigger for trigger, fires in fired.items() if fires)
