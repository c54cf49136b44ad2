"""Standings again from the log of scores, in code of its own, and what the draws say about each model.

The estimate weighs every score that was drawn by the inverse of its probability (self-normalised inverse propensity:
Hajek 1971; Swaminathan and Joachims 2015), so that models that came first at different times with different chances can
be held against each other:

    v = sum(r_i / p_i) / sum(1 / p_i)        interval = v +- 1.96 sqrt(sum(((r_i - v) / p_i)^2)) / sum(1 / p_i)

over the scores r_i of the model that came first by a draw of probability p_i and answered. The interval is the usual
large-sample one (Owen 2013, Monte Carlo theory, chapter 9.2).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import fsum, isclose, sqrt

from magistrate.router.v1.router_pb2 import ChampionChange, GetChampionResponse, ScoreEntry, Standing

ALPHA, WINDOW, STRETCH = 0.2, 50, 10
_TOLERANCE = 1e-9
_NORMAL_95 = 1.959964
_FEWEST = 2
"""Draws below which nothing can be said about their spread."""
_FIGURES = ("ema", "count", "peak", "lowest", "trend", "mean", "deviation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How good a model would be if it always came first."""

    draws: int
    value: float | None
    """None without a draw."""
    low: float | None
    """None below two draws."""
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One model, as the log has it."""

    model: str
    standing: Standing
    differs: tuple[str, ...]
    """Names of the stored figures that are not those of the log."""
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the log says."""

    models: tuple[Audited, ...]
    faults: tuple[str, ...]
    """What else does not fit, a sentence each."""

    @property
    def agrees(self) -> bool:
        """Tell whether everything that is stored follows from the log."""
        return not self.faults and not any(audited.differs for audited in self.models)


def audit(stored: GetChampionResponse, scores: Sequence[ScoreEntry]) -> Audit:
    """Hold what is ``stored`` against all ``scores`` up to its version."""
    told = [entry for entry in scores if entry.version <= stored.version]
    by_model: dict[str, list[float]] = defaultdict(list)
    for entry in told:
        if not entry.heuristic:
            by_model[entry.model].append(entry.score)
    standings = {each.model: each for each in (stored.champion, *stored.challengers) if each.count}
    models = [
        Audited(
            model=model,
            standing=(computed := standing(model, by_model[model])) if model in by_model else Standing(model=model),
            differs=_differs(standings.get(model), computed if model in by_model else Standing(model=model)),
            estimate=estimate(entry for entry in told if entry.model == model),
        )
        for model in sorted({*standings, *by_model}, key=lambda name: (name != stored.champion.model, name))
    ]
    return Audit(models=tuple(models), faults=tuple(_faults(stored, told)))


def standing(model: str, scores: Sequence[float]) -> Standing:
    """Return the standing that ``scores``, oldest first and at least one, give."""
    ema = scores[0]
    for score in scores[1:]:
        ema += ALPHA * (score - ema)
    window = scores[-WINDOW:]
    mean = fsum(window) / len(window)
    last, before = window[-STRETCH:], window[-2 * STRETCH : -STRETCH]
    return Standing(
        model=model,
        ema=ema,
        count=len(scores),
        peak=max(window),
        lowest=min(window),
        trend=fsum(last) / STRETCH - fsum(before) / STRETCH if len(before) == STRETCH else 0.0,
        mean=mean,
        deviation=sqrt(fsum((score - mean) ** 2 for score in window) / len(window)),
    )


def estimate(entries: Iterable[ScoreEntry]) -> Estimate:
    """Return the estimate from one model's scores; those that nobody drew or that do not count are left out."""
    drawn = [
        (1 / entry.propensity, entry.score)
        for entry in entries
        if entry.champion_version and not entry.fell_back and not entry.heuristic
    ]
    if not drawn:
        return Estimate(draws=0, value=None, low=None, high=None)
    total = fsum(weight for weight, _ in drawn)
    value = fsum(weight * score for weight, score in drawn) / total
    if len(drawn) < _FEWEST:
        return Estimate(draws=len(drawn), value=value, low=None, high=None)
    error = _NORMAL_95 * sqrt(fsum((weight * (score - value)) ** 2 for weight, score in drawn)) / total
    return Estimate(draws=len(drawn), value=value, low=max(0.0, value - error), high=min(1.0, value + error))


def _differs(stored: Standing | None, computed: Standing) -> tuple[str, ...]:
    told = stored or Standing()
    return tuple(
        name
        for name in _FIGURES
        if not isclose(getattr(told, name), getattr(computed, name), rel_tol=0, abs_tol=_TOLERANCE)
    )


def _faults(stored: GetChampionResponse, told: Sequence[ScoreEntry]) -> Iterable[str]:
    versions = [entry.version for entry in told]
    if sorted(set(versions)) != versions:
        yield "the versions of the scores do not rise"
    changed = {change.version for change in stored.history}
    # Beyond the changes that are told, a version without a score may be a change by hand.
    known_from = 1 if _is_whole(stored.history) else min(changed, default=1)
    if missing := sorted(set(range(known_from, stored.version + 1)) - set(versions) - changed):
        yield f"nothing is logged for {len(missing)} version(s), the first being {missing[0]}"
    if stored.history and stored.history[0].champion != stored.champion.model:
        yield f"the last change made {stored.history[0].champion} the champion, not {stored.champion.model}"
    if len({entry.decision_id for entry in told}) < len(told):
        yield "a decision was counted twice"


def _is_whole(history: Sequence[ChampionChange]) -> bool:
    return not history or not history[-1].previous
