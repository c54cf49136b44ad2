"""A seed is a plan."""

from hypothesis import given
from hypothesis import strategies as st

from tools.chaos.plan import LONGEST_PAUSE_S, LONGEST_S, Kind, draw

SEEDS = st.integers(0, 1_000_000)


@given(SEEDS)
def test_the_same_seed_is_the_same_plan(seed: int) -> None:
    """And another seed another."""
    assert draw(seed, 75) == draw(seed, 75)
    assert draw(seed, 75) != draw(seed + 1, 75)


@given(SEEDS)
def test_a_full_run_has_every_kind(seed: int) -> None:
    """In 75 seconds everything happens at least once, in order, within its time."""
    plan = draw(seed, 75)
    assert {disturbance.kind for disturbance in plan} == set(Kind)
    times = [disturbance.at_s for disturbance in plan]
    assert times == sorted(times)
    assert times[-1] < 75 <= times[-1] + LONGEST_PAUSE_S
    assert all(0 < disturbance.lasts_s <= LONGEST_S for disturbance in plan)


@given(SEEDS, st.floats(1, 60))
def test_a_shorter_run_is_the_beginning_of_a_longer_one(seed: int, seconds: float) -> None:
    """So that a failure can be looked for in less time."""
    short = draw(seed, seconds)
    assert draw(seed, 75)[: len(short)] == short
