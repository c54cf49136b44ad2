"""The audit finds again what the router stored, finds what was altered, and weighs draws fairly."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magistrate.router.v1.router_pb2 import ChampionChange, GetChampionResponse, ScoreEntry, Standing
from services.router.core.champion.contest import Contest, Word, promoted
from tests.unit.router.champion import play, seeded
from tools.cli.champion_audit import audit, estimate, standing

SCORES = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), min_size=1, max_size=150)


def entries(scores: list[tuple[str, float]], first: int = 1) -> list[ScoreEntry]:
    """Return a log of ``scores``."""
    return [
        ScoreEntry(version=version, decision_id=f"d-{version}", model=model, score=value, propensity=1)
        for version, (model, value) in enumerate(scores, start=first)
    ]


def stored(contest: Contest, *changes: ChampionChange) -> GetChampionResponse:
    """Return what the router tells of a contest."""
    told = [
        Standing(
            model=each.model,
            ema=each.ema,
            count=each.count,
            peak=each.peak,
            lowest=each.lowest,
            trend=each.trend,
            mean=each.mean,
            deviation=each.deviation,
        )
        for each in (contest.standings.champion, *contest.standings.challengers)
        if each
    ]
    return GetChampionResponse(champion=told[0], challengers=told[1:], version=contest.version, history=changes)


@pytest.mark.spec("RTR-10")
@given(SCORES)
def test_the_log_gives_what_the_router_stored(scores: list[tuple[str, float]]) -> None:
    """Two programs, one log, the same standings; scores that came in later do not matter."""
    contest, _ = play(scores)
    told = stored(contest)
    found = audit(told, entries([*scores, ("a", 0.0), ("z", 1.0)]))

    assert found.agrees
    assert {each.model: each.standing for each in found.models} == {
        each.model: each for each in (told.champion, *told.challengers)
    }


@pytest.mark.parametrize("name", ["ema", "count", "peak", "lowest", "trend", "mean", "deviation"])
def test_an_altered_figure_is_found_by_name(name: str) -> None:
    """Whatever somebody did to the stored standing, the log says otherwise."""
    scores = [("a", number % 7 / 7) for number in range(60)]
    contest, _ = play(scores)
    told = stored(contest)
    setattr(told.champion, name, getattr(told.champion, name) + 1)
    found = audit(told, entries(scores))

    assert not found.agrees
    assert found.models[0].differs == (name,)


def test_an_altered_log_is_found() -> None:
    """A score that was removed, moved, doubled or added shows, as does a champion that nobody made."""
    scores = [("a", 0.5), ("b", 0.7), ("a", 0.6)]
    contest, _ = play(scores)
    told = stored(contest, ChampionChange(champion="a", version=1))
    log = entries(scores)
    doubled = [*log[:2], ScoreEntry(version=3, decision_id="d-1", model="a", score=0.6)]
    other = stored(contest, ChampionChange(champion="b", previous="a", version=1))

    assert audit(told, log).agrees
    assert "nothing is logged for 1 version(s), the first being 2" in audit(told, [log[0], log[2]]).faults
    assert "the versions of the scores do not rise" in audit(told, [log[1], log[0], log[2]]).faults
    assert "a decision was counted twice" in audit(told, doubled).faults
    assert "the last change made b the champion, not a" in audit(other, log).faults
    assert not audit(told, [*log, *log[2:]]).agrees


def test_a_change_by_hand_needs_no_score() -> None:
    """Its version is in the history instead; without the history it would be missed."""
    contest, _ = play([("a", 0.5), ("b", 0.7)])
    contest, _ = promoted(contest, "b", Word(by="root", reason="x", at=datetime(2026, 1, 1, tzinfo=UTC)))
    contest, _ = play([("b", 0.8)], contest=contest)
    log = [*entries([("a", 0.5), ("b", 0.7)]), *entries([("b", 0.8)], first=4)]
    made = (ChampionChange(champion="b", previous="a", version=3), ChampionChange(champion="a", version=1))

    assert audit(stored(contest, *made), log).agrees
    assert audit(stored(contest, made[0], made[1]), log[:2]).agrees is False
    assert audit(stored(contest), log).faults == ("nothing is logged for 1 version(s), the first being 3",)


@pytest.mark.spec("T16", "EVL-09")
def test_stand_ins_are_left_out() -> None:
    """They have a version and no weight."""
    log = entries([("a", 0.5), ("a", 1.0)])
    log[1].heuristic = True
    told = GetChampionResponse(champion=standing("a", [0.5]), version=2)

    assert audit(told, log).agrees


def test_the_estimate_by_hand() -> None:
    """Three draws of a model: each counts by the inverse of its probability."""
    log = [
        ScoreEntry(model="a", score=score, propensity=propensity, champion_version=1)
        for score, propensity in ((1.0, 0.5), (0.0, 0.25), (0.5, 1.0))
    ]
    found = estimate(log)

    assert found.draws == 3
    assert found.value == pytest.approx((2 * 1.0 + 4 * 0.0 + 1 * 0.5) / 7)
    assert found.low == 0.0
    assert found.high is not None
    assert found.value is not None
    assert found.value < found.high < 1


def test_what_nobody_drew_is_no_draw() -> None:
    """Answers of a fallback, without a champion's say, or stand-ins tell nothing about coming first."""
    entry = ScoreEntry(model="a", score=0.9, propensity=0.5, champion_version=1)
    others = []
    for name, value in (("fell_back", True), ("champion_version", 0), ("heuristic", True)):
        other = ScoreEntry()
        other.CopyFrom(entry)
        setattr(other, name, value)
        others.append(other)

    assert estimate(others).value is None
    assert (estimate([entry]).draws, estimate([entry]).value, estimate([entry]).low) == (1, 0.9, None)


def test_the_estimate_is_fair_where_the_plain_mean_is_not() -> None:
    """Questions grew harder while the model came first more often: only the weighted mean is about all questions."""
    inside = 0
    for run in range(100):
        dice = seeded(run)
        log = []
        for number in range(2_000):
            late = number >= 1_000
            propensity = 0.9 if late else 0.1
            if dice.random() < propensity:
                score = 0.2 + 0.1 * dice.random() if late else 0.7 + 0.1 * dice.random()
                log.append(ScoreEntry(model="a", score=score, propensity=propensity, champion_version=1))
        found = estimate(log)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.5 <= found.high
        assert sum(entry.score for entry in log) / len(log) < 0.35
    assert inside >= 88
