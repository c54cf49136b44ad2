"""The moving average, and what the window tells."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.champion.track import WINDOW, Track

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=120)


def track(*scores: float) -> Track:
    """Return the track of one model after ``scores``."""
    first, *others = scores
    result = Track.begun("a", first)
    for score in others:
        result = result.after(score)
    return result


@pytest.mark.spec("RTR-08", "C19")
@pytest.mark.parametrize(
    ("start", "scores", "averages"),
    [
        (0.8, [0.9, 0.9, 0.5, 0.95], [0.82, 0.836, 0.7688, 0.80504]),
        (0.6, [0.9] * 5, [0.66, 0.708, 0.7464, 0.77712, 0.801696]),
    ],
)
def test_the_golden_averages(start: float, scores: list[float], averages: list[float]) -> None:
    """The first score starts the average; each one after it weighs a fifth."""
    current = track(start)
    for score, average in zip(scores, averages, strict=True):
        current = current.after(score)
        assert current.ema == pytest.approx(average, abs=1e-12)


@pytest.mark.spec("TST-10")
def test_a_hundred_high_scores_lift_the_average() -> None:
    """After 100 times .95 the average is above .9 and every score is counted."""
    current = track(0.1, *[0.95] * 100)

    assert current.ema > 0.9
    assert current.count == 101


@pytest.mark.spec("RTR-08")
def test_the_51st_score_drops_the_first_from_the_window_alone() -> None:
    """Peak, lowest and mean are those of the last 50; the average and the count keep all."""
    full = track(1.0, *[0.5] * 49)
    later = full.after(0.5)

    assert (full.standing.peak, later.standing.peak) == (1.0, 0.5)
    assert later.standing.lowest == later.standing.mean == 0.5
    assert later.standing.deviation == 0.0
    assert (later.count, len(later.window)) == (51, WINDOW)


@pytest.mark.spec("RTR-08", "C19")
@pytest.mark.parametrize(
    ("scores", "trend"),
    [([0.2] * 19, 0.0), ([0.2] * 10 + [0.7] * 10, 0.5), ([0.9] * 30 + [0.7] * 10 + [0.4] * 10, -0.3)],
)
def test_the_trend_compares_the_last_ten_with_the_ten_before(scores: list[float], trend: float) -> None:
    """There is a trend from twenty scores on."""
    assert track(*scores).standing.trend == pytest.approx(trend)


@given(SCORES)
def test_every_figure_is_where_it_must_be(scores: list[float]) -> None:
    """The average lies within all scores, the mean between lowest and peak, the deviation below a half."""
    standing = track(*scores).standing

    assert min(scores) - 1e-9 <= standing.ema <= max(scores) + 1e-9
    assert standing.lowest - 1e-9 <= standing.mean <= standing.peak + 1e-9
    assert 0 <= standing.deviation <= 0.5 + 1e-9
    assert -1 <= standing.trend <= 1
    assert standing.count == len(scores)


@given(SCORES, st.integers(0, 119))
def test_a_track_can_be_put_away_and_taken_up(scores: list[float], place: int) -> None:
    """What is kept of a track is all that the next score needs: going on from a copy gives the very same numbers."""
    cut = min(place, len(scores) - 1) + 1
    copy = replace(track(*scores[:cut]))
    for score in scores[cut:]:
        copy = copy.after(score)
    assert copy == track(*scores)
