"""The five quality dimensions, their weights per field of work, and the pass mark (spec rows EVL-01, 02, 12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import fsum

from services.evaluator.core.bench import require_within

PASS_MARK = 0.7
MIN_COVERAGE = 0.4
"""Less evaluated weight than this proves nothing, however high the scores (trap T16)."""
JUDGE_NOT_CONFIGURED = "JUDGE_NOT_CONFIGURED"


class Dimension(StrEnum):
    """What an answer is scored for, in the order of the report."""

    RELEVANCE = "relevance"
    CORRECTNESS = "correctness"
    COHERENCE = "coherence"
    POLICY_COMPLIANCE = "policy_compliance"
    CONTEXT_OVERLAP = "context_overlap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One dimension: a value with the method that gave it, or the reason why there is none."""

    dimension: Dimension
    value: float | None
    method: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """How much each dimension counts in one field of work; the weights sum to 1."""

    rubric_id: str
    weights: Mapping[Dimension, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All five scores and what they amount to."""

    scores: tuple[Score, ...]
    overall: float
    """Weighted mean over the evaluated dimensions, 0-1; 0.0 where none was evaluated."""
    coverage: float
    """Weight that was evaluated, 0-1."""
    passed: bool
    threshold: float
    rubric_id: str


def _rubric(name: str, *weights: float) -> Rubric:
    return Rubric(rubric_id=f"{name}@1", weights=dict(zip(Dimension, weights, strict=True)))


RUBRICS: Mapping[str, Rubric] = {
    "literary": _rubric("literary", 0.25, 0.15, 0.35, 0.15, 0.10),
    "market": _rubric("market", 0.20, 0.30, 0.10, 0.15, 0.25),
    "general": _rubric("general", 0.30, 0.25, 0.15, 0.10, 0.20),
}
"""Weights in the order of ``Dimension``; a market answer cannot pass on its own wording, a literary one can."""


def not_evaluated(dimension: Dimension, reason: str) -> Score:
    """Return the score of a dimension that could not be judged: no number stands in for it."""
    return Score(dimension=dimension, value=None, reason=reason)


def report(scores: Sequence[Score], rubric: Rubric, *, threshold: float = PASS_MARK) -> Report:
    """Weigh the scores; a dimension without a score counts neither for nor against."""
    given = {score.dimension: score for score in scores}
    ordered = tuple(given.get(name) or not_evaluated(name, JUDGE_NOT_CONFIGURED) for name in Dimension)
    judged = [(rubric.weights[score.dimension], score.value) for score in ordered if score.value is not None]
    coverage = fsum(weight for weight, _ in judged)
    overall = fsum(weight * value for weight, value in judged) / coverage if coverage else 0.0
    return Report(
        scores=ordered,
        overall=overall,
        coverage=coverage,
        passed=overall >= threshold and coverage >= MIN_COVERAGE,
        threshold=threshold,
        rubric_id=rubric.rubric_id,
    )


def has_failed(*, overall: float, coverage: float, passed: bool) -> bool:
    """Tell whether enough was measured to say that the answer missed its mark; too little proves nothing.

    Raises:
        CallerError: FIELD_OUT_OF_RANGE where a figure is no share.
    """
    require_within("quality.overall", overall, 0.0, 1.0)
    require_within("quality.coverage", coverage, 0.0, 1.0)
    return coverage >= MIN_COVERAGE and not passed
