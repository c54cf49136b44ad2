"""The bounds hold at every moment at once, and come close enough to be of use."""

from collections.abc import Callable
from math import log, sqrt
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.champion.confidence import Confidence
from tests.unit.router.champion import seeded

RUNS, STEPS = 400, 800
MEANS = {"coin": 0.5, "rare": 0.1, "grades": 0.6}


def score(kind: str, dice: Random) -> float:
    """Return one score of a known mean."""
    if kind == "grades":
        return dice.choice((0.2, 0.5, 0.7, 1.0))
    return float(dice.random() < MEANS[kind])


@pytest.mark.spec("RTR-09")
@pytest.mark.parametrize("kind", MEANS)
def test_a_bound_fails_at_any_of_many_looks_no_more_often_than_its_risk(kind: str) -> None:
    """Looked at after each of 800 scores, the lower bound is ever above the mean in at most a quarter of all runs."""
    assert _ever(kind, lambda seen, mean: seen.lower(0.25) > mean) <= 0.25
    assert _ever(kind, lambda seen, mean: seen.upper(0.25) < mean) <= 0.25


@pytest.mark.spec("RTR-09", "C8")
def test_equal_models_are_told_apart_no_more_often_than_promised() -> None:
    """With a look after every score the promise of 5 % is kept, where the usual test for a fixed number breaks it."""
    honest = naive = 0
    limit = NormalDist().inv_cdf(0.95)
    for run in range(RUNS):
        dice = seeded(run)
        one = two = Confidence.NOTHING
        told = fooled = False
        for count in range(1, STEPS):
            one, two = one.after(score("coin", dice)), two.after(score("coin", dice))
            told = told or two.lower(0.025) > one.upper(0.025)
            difference, error = (two.total - one.total) / count, sqrt(0.5 / count)
            fooled = fooled or (count >= 30 and difference / error > limit)
        honest, naive = honest + told, naive + fooled
    assert honest / RUNS <= 0.05
    assert naive / RUNS > 0.15


@pytest.mark.parametrize(("difference", "scores"), [(0.4, 60), (0.2, 150), (0.1, 400)])
def test_a_real_difference_is_found(difference: float, scores: int) -> None:
    """Two models that differ are told apart within a number of scores that a mesh will see."""
    dice = seeded(7)
    one = two = Confidence.NOTHING
    for _ in range(scores):
        noise = dice.choice((-0.1, 0.0, 0.1))
        one, two = one.after(0.5 - difference / 2 + noise), two.after(0.5 + difference / 2 - noise)
    assert two.lower(0.0125) > one.upper(0.0125)


def test_one_step_is_the_formula_of_the_paper() -> None:
    """The first score gives the bound that a hand finds."""
    seen = Confidence.NOTHING.after(0.9)
    weight, psi = 0.75, (-log(0.25) - 0.75) / 4
    margin = (log(1 / 0.4) + 4 * (0.9 - 0.5) ** 2 * psi) / weight

    assert seen.lower(0.4) == pytest.approx(max(0, 0.9 - margin))
    assert seen.upper(0.4) == 1.0


@given(st.lists(st.floats(0, 1), max_size=200), st.floats(1e-6, 0.5))
def test_bounds_enclose_the_weighted_mean(scores: list[float], risk: float) -> None:
    """Whatever the scores, the bounds stay in order and within 0 and 1, and less risk means more room."""
    seen = Confidence.NOTHING
    for value in scores:
        seen = seen.after(value)

    assert 0 <= seen.lower(risk / 2) <= seen.lower(risk) <= 1
    assert 0 <= seen.upper(risk) <= seen.upper(risk / 2) <= 1
    assert seen.lower(risk) <= seen.upper(risk) + 1e-12


def _ever(kind: str, fails: Callable[[Confidence, float], bool]) -> float:
    """Return the share of runs in which ``fails`` was true after any score."""
    failed = 0
    for run in range(RUNS):
        dice, seen = seeded(run), Confidence.NOTHING
        for _ in range(STEPS):
            seen = seen.after(score(kind, dice))
            if fails(seen, MEANS[kind]):
                failed += 1
                break
    return failed / RUNS
