"""The hedge delay follows what was measured, within its bounds, and never feeds on itself."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.latency import Latencies, Rules
from tests.unit.router.requests import SHIPPED

MODEL, OTHER = SHIPPED.models[0], SHIPPED.models[1]


@pytest.mark.spec("RTR-03")
def test_the_default_holds_until_enough_is_known() -> None:
    """Nineteen answers leave 10 s, the twentieth brings the measured delay."""
    latencies = Latencies()
    for _ in range(19):
        latencies.waited(MODEL, 0.4, streamed=False)
    assert latencies.delay_s(MODEL, streamed=False) == 10.0
    assert MODEL.name not in latencies.delays_s(streamed=False)
    latencies.waited(MODEL, 0.4, streamed=False)
    assert latencies.delays_s(streamed=False) == {MODEL.name: 0.4}


@pytest.mark.spec("RTR-03")
def test_the_delay_is_the_95th_percentile_of_its_model_and_kind() -> None:
    """Nearest rank: of 100 waits the 95th; neither the other kind nor the other model is touched."""
    latencies = Latencies(Rules(medians=100))
    for hundredths in range(100, 0, -1):
        latencies.waited(MODEL, hundredths / 100, streamed=True)
    assert latencies.delay_s(MODEL, streamed=True) == 0.95
    assert latencies.measured_s(streamed=True) == {MODEL.name: 0.95}
    assert latencies.delay_s(MODEL, streamed=False) == latencies.delay_s(OTHER, streamed=True) == 10.0


def test_only_the_last_waits_count() -> None:
    """A model that became fast is hedged sooner."""
    latencies = Latencies(Rules(window=50))
    for seconds in (5.0,) * 50 + (0.2,) * 50:
        latencies.waited(MODEL, seconds, streamed=False)
    assert latencies.delay_s(MODEL, streamed=False) == 0.2


def test_where_more_calls_stall_than_the_percentile_leaves_out_the_stall_is_not_waited_for() -> None:
    """With 10 % of 2 s among 0.1 s the delay is eight medians."""
    latencies = Latencies()
    for seconds in (0.1,) * 90 + (2.0,) * 10:
        latencies.waited(MODEL, seconds, streamed=False)
    assert latencies.delay_s(MODEL, streamed=False) == pytest.approx(0.8)


@given(st.lists(st.floats(0, 1000), min_size=20, max_size=60))
def test_the_delay_stays_within_its_bounds(waits: list[float]) -> None:
    """Whatever was measured."""
    latencies = Latencies(Rules(floor_s=0.05, ceiling_s=30))
    for seconds in waits:
        latencies.waited(MODEL, seconds, streamed=False)
    assert 0.05 <= latencies.delay_s(MODEL, streamed=False) <= 30


def test_overtaken_calls_keep_the_delay_from_shrinking() -> None:
    """A thousand calls, each overtaken at the delay of its moment: it stays near the true 95th percentile."""
    latencies, draws = Latencies(), random.Random(2026)  # noqa: S311 - a test that repeats itself
    waits = [draws.uniform(0.5, 1.5) for _ in range(1000)]
    for seconds in waits:
        delay_s = latencies.delay_s(MODEL, streamed=False)
        if seconds > delay_s:
            latencies.outlasted(MODEL, delay_s + 0.01, streamed=False)
        else:
            latencies.waited(MODEL, seconds, streamed=False)
    assert latencies.delay_s(MODEL, streamed=False) > 1.3


def test_a_call_that_was_taken_back_early_says_nothing_about_the_tail() -> None:
    """Callers that leave after a moment do not make the model look fast."""
    latencies = Latencies()
    for _ in range(30):
        latencies.outlasted(MODEL, 0.001, streamed=False)
    assert latencies.delay_s(MODEL, streamed=False) == 10.0
