"""Who comes first, and how likely that was."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.exploration import Drawn, draw_first
from services.router.core.standing import Standing, Standings


def reading(champion: str | None) -> Standings:
    """Return standings with ``champion``."""
    if champion is None:
        return Standings(champion=None)
    return Standings(champion=Standing(model=champion, ema=0.8, count=9, peak=0.9, lowest=0.7, trend=0.0), version=3)


@pytest.mark.spec("RTR-07")
@pytest.mark.parametrize(
    ("champion", "candidates", "draw", "expected"),
    [
        ("a", ["a", "b", "c"], 0.5, Drawn(model="a", propensity=0.75, explored=False)),
        ("b", ["a", "b", "c"], 0.25, Drawn(model="b", propensity=0.75, explored=False)),
        ("b", ["a", "b", "c"], 0.0, Drawn(model="a", propensity=0.125, explored=True)),
        ("b", ["a", "b", "c"], 0.124, Drawn(model="a", propensity=0.125, explored=True)),
        ("b", ["a", "b", "c"], 0.125, Drawn(model="c", propensity=0.125, explored=True)),
        ("b", ["a", "b", "c"], 0.249, Drawn(model="c", propensity=0.125, explored=True)),
        ("a", ["a"], 0.0, Drawn(model="a", propensity=1.0, explored=False)),
        ("a", ["a", "b"], 1.0, Drawn(model="a", propensity=0.75, explored=False)),
        (None, ["b", "a"], 0.0, Drawn(model="b", propensity=1.0, explored=False)),
        ("away", ["b", "a"], 0.0, Drawn(model="b", propensity=1.0, explored=False)),
    ],
)
def test_the_champion_comes_first_but_for_the_share(
    champion: str | None, candidates: list[str], draw: float, expected: Drawn
) -> None:
    """The champion comes first, each challenger in its own equal part of the share, and the probability is told."""
    assert draw_first(reading(champion), candidates, share=0.25, draw=draw) == expected


def test_without_a_reading_the_configured_first_comes_first() -> None:
    """Standings that could not be read change nothing."""
    assert draw_first(None, ["b", "a"], share=0.5, draw=0.0) == Drawn(model="b", propensity=1.0, explored=False)


@given(
    others=st.integers(0, 8),
    share=st.floats(0, 1),
    place=st.integers(0, 8),
)
def test_propensities_are_a_distribution_that_the_draws_follow(others: int, share: float, place: int) -> None:
    """Over even draws every model comes first as often as its propensity says; all propensities add up to 1."""
    names = [f"m{number}" for number in range(others + 1)]
    champion = names[place % len(names)]
    steps = 2_000
    drawn = [draw_first(reading(champion), names, share=share, draw=(n + 0.5) / steps) for n in range(steps)]
    propensities = {each.model: each.propensity for each in drawn}
    for model, count in Counter(each.model for each in drawn).items():
        # The edges of each part of the share may fall between two points of the grid.
        assert abs(count / steps - propensities[model]) <= 2 / steps
        assert all(each.explored == (each.model != champion) for each in drawn if each.model == model)
    if len(propensities) == len(names):
        assert sum(propensities.values()) == pytest.approx(1.0)


@given(share=st.floats(min_value=1e-300, max_value=1), count=st.integers(2, 9))
def test_the_last_draw_of_the_share_still_names_a_challenger(share: float, count: int) -> None:
    """The largest draw below the share, where rounding is worst, finds a model."""
    names = [f"m{number}" for number in range(count)]
    below = share * (1 - 2**-53)
    drawn = draw_first(reading("m0"), names, share=share, draw=below)
    assert drawn.model in names
