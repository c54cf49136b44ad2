"""When the champion changes, and when it does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError
from services.router.core.champion.change import RULES as BY_RULES
from services.router.core.champion.change import Kind
from services.router.core.champion.contest import Contest, Rules, demoted, due, noted, promoted, scored
from tests.unit.router.champion import NOW, RULES, WORD, play, rounds, seeded

ENOUGH = 200


@pytest.mark.spec("RTR-07")
def test_the_first_score_makes_a_champion() -> None:
    """Somebody has to be it; the change says that it was the first."""
    contest, changes = play([("a", 0.3)])

    assert contest.champion == "a"
    assert [(change.kind, change.champion, change.previous) for change in changes] == [(Kind.FIRST, "a", "")]
    assert contest.changed_at == NOW


@pytest.mark.spec("RTR-09", "C8")
@pytest.mark.parametrize(("challenger", "swaps"), [(0.6 * 1.21, 1), (0.6 * 1.19, 0), (0.6 * 1.2, 0)])
def test_more_than_20_percent_better_swaps(challenger: float, swaps: int) -> None:
    """21 % better: exactly one swap; 19 % or 20 %: none, however long it lasts."""
    contest, changes = play(rounds(ENOUGH, a=0.6, b=challenger))

    assert [change.kind for change in changes[1:]] == [Kind.PROMOTION] * swaps
    assert contest.champion == ("b" if swaps else "a")


@pytest.mark.spec("RTR-09")
def test_the_figures_that_justified_a_promotion_are_told() -> None:
    """Averages, counts and the bounds at the risk; the challenger's lies above the champion's."""
    _, (_, change) = play(rounds(ENOUGH, a=0.5, b=0.9))
    winner, loser = change.figures

    assert (change.actor, change.previous, change.champion, change.risk) == (BY_RULES, "a", "b", RULES.risk)
    assert (winner.model, loser.model) == ("b", "a")
    assert winner.lower > loser.upper
    assert min(winner.count, loser.count) >= RULES.min_scores
    assert winner.ema > 1.2 * loser.ema


@pytest.mark.spec("RTR-09")
@pytest.mark.parametrize("few", ["a", "b"])
def test_a_minimum_of_scores_is_needed_on_both_sides(few: str) -> None:
    """Below it nothing happens, whatever the scores say; with one more it does."""
    rules = replace(RULES, min_scores=300)
    many = "b" if few == "a" else "a"
    values = {"a": 0.2, "b": 0.9}
    contest, _ = play([("a", 0.2)], rules)
    contest, changes = play(
        [(many, values[many])] * 300 + [(few, values[few])] * (298 if few == "a" else 299), rules, contest
    )
    assert changes == []
    _, changes = play([(few, values[few])], rules, contest)
    assert [change.kind for change in changes] == [Kind.PROMOTION]


@pytest.mark.spec("RTR-09")
def test_a_lucky_streak_promotes_nobody() -> None:
    """An average 20 % above is not enough while the scores vary too much to prove anything."""
    contest, changes = play([("a", value) for value in (0.5, 0.7) * 20] + [("b", v) for v in (0.2, 0.9) * 15])
    contest, more = play([("b", 1.0)] * 5, contest=contest)

    challenger, champion = contest.track("b"), contest.track("a")
    assert challenger
    assert champion
    assert challenger.ema > 1.2 * champion.ema
    assert len(changes) == 1
    assert more == []


@pytest.mark.spec("RTR-09", "C8")
def test_equal_models_hardly_ever_swap() -> None:
    """Over long runs of equal models, judged after every score, swaps of any kind stay below the promised risk."""
    runs, swapped = 150, 0
    rules = replace(RULES, risk=0.2)
    for run in range(runs):
        dice = seeded(run)
        scores = [(dice.choice("abc"), dice.choice((0.0, 0.5, 1.0))) for _ in range(900)]
        _, changes = play(scores, rules)
        swapped += len(changes) > 1
    assert swapped / runs <= rules.risk


@pytest.mark.spec("C8")
def test_without_auto_promote_the_rules_only_propose() -> None:
    """The same scores change nothing, and the proposal says what would be done."""
    rules = replace(RULES, auto_promote=False)
    contest, changes = play(rounds(ENOUGH, a=0.5, b=0.9), rules)
    proposal = due(contest, rules)

    assert contest.champion == "a"
    assert [change.kind for change in changes] == [Kind.FIRST]
    assert proposal is not None
    assert (proposal.kind, proposal.champion) == (Kind.PROMOTION, "b")


@pytest.mark.spec("T16", "EVL-09")
@given(st.integers(1, 50))
def test_a_score_that_does_not_count_changes_nothing_but_the_version(times: int) -> None:
    """Stand-ins move neither averages nor counts."""
    contest, _ = play(rounds(3, a=0.5, b=0.9))
    after = contest
    for _ in range(times):
        after = noted(after)

    assert replace(after, version=contest.version) == contest
    assert after.version == contest.version + times


def test_a_model_that_left_the_mesh_is_not_promoted() -> None:
    """However good its scores were."""
    rules = replace(RULES, models=frozenset({"a"}))
    contest, changes = play(rounds(ENOUGH, a=0.3, b=0.9), rules)

    assert contest.champion == "a"
    assert len(changes) == 1


@pytest.mark.spec("RTR-09")
def test_a_fallen_champion_gives_way_to_a_better_challenger() -> None:
    """A champion that was better for long and then fell is demoted on the scores after its fall."""
    contest, _ = play(rounds(400, a=0.9, b=0.75))
    contest, changes = play(rounds(100, a=0.3, b=0.75), contest=contest)

    assert [change.kind for change in changes] == [Kind.DEMOTION]
    assert contest.champion == "b"
    winner, loser = changes[0].figures
    assert winner.lower > loser.upper


@pytest.mark.spec("RTR-09")
@pytest.mark.parametrize("low", [0.3, 0.75])
def test_a_fallen_champion_stays_where_nobody_is_better(low: float) -> None:
    """A fall alone demotes nobody: the challenger must be better; and a dip of 20 % is no fall."""
    contest, _ = play(rounds(100, a=0.9, b=0.2))
    contest, changes = play(rounds(200, a=low, b=0.2), contest=contest)

    assert changes == []
    assert (contest.probation is not None) == (low < 0.8 * 0.9)


def test_a_recovered_champion_is_off_probation() -> None:
    """What it scored in the fall is not kept against it; the next fall has a smaller share of the risk."""
    contest, _ = play(rounds(50, a=0.9, b=0.5))
    fallen, _ = play([("a", 0.0)] * 3, contest=contest)
    risen, _ = play([("a", 0.95)] * 15, contest=fallen)
    again, _ = play([("a", 0.0)] * 3, contest=risen)

    assert fallen.probation
    assert fallen.probation.count < 3, "the score that caused the fall is no proof of it"
    assert risen.probation is None
    assert (fallen.probations, again.probations) == (1, 2)
    assert RULES.probation_risk(2) < RULES.probation_risk(1)
    assert sum(RULES.probation_risk(number) for number in range(1, 10_000)) <= RULES.risk / 2


@pytest.mark.spec("RTR-12")
def test_a_person_promotes_any_model_and_can_roll_back() -> None:
    """By hand, then back to the former champion: that is a rollback; forth again is a promotion."""
    contest, _ = play(rounds(3, a=0.9, b=0.5))
    kinds = []
    for model in ("b", "a", "b"):
        contest, change = promoted(contest, model, WORD)
        assert change
        kinds.append((change.kind, change.champion, change.actor, change.reason))

    assert kinds == [
        (Kind.PROMOTION, "b", "root", "cheaper"),
        (Kind.ROLLBACK, "a", "root", "cheaper"),
        (Kind.PROMOTION, "b", "root", "cheaper"),
    ]
    assert contest.version == 6 + 3


def test_an_automatic_promotion_can_be_rolled_back_and_stays_so() -> None:
    """What was scored before a person's word cannot undo it; only new proof can."""
    contest, _ = play(rounds(ENOUGH, a=0.5, b=0.9))
    contest, change = promoted(contest, "a", WORD)
    assert change
    assert change.kind is Kind.ROLLBACK

    contest, soon = play(rounds(20, a=0.5, b=0.9), contest=contest)
    _, later = play(rounds(ENOUGH, a=0.5, b=0.9), contest=contest)
    assert soon == []
    assert [each.kind for each in later] == [Kind.PROMOTION]


def test_promoting_the_champion_changes_nothing() -> None:
    """Saying it twice is harmless."""
    contest, _ = play([("a", 0.5)])

    assert promoted(contest, "a", WORD) == (contest, None)


def test_a_model_without_a_score_can_be_the_champion() -> None:
    """It stands with a count of 0, and what it scores then counts."""
    contest, _ = promoted(Contest(), "c", WORD)
    assert contest.standings.champion
    assert (contest.standings.champion.model, contest.standings.champion.count) == ("c", 0)

    contest, changes = play([("c", 0.4)], contest=contest)
    assert changes == []
    assert (contest.champion, contest.peak) == ("c", 0.4)


@pytest.mark.spec("RTR-12")
def test_the_best_challenger_of_the_mesh_follows_a_demoted_champion() -> None:
    """By its average, models of elsewhere left out."""
    contest, _ = play(rounds(3, a=0.9, b=0.5, c=0.6, gone=0.8))
    contest, change = demoted(contest, "a", RULES.models, WORD)

    assert (change.kind, change.champion, change.previous) == (Kind.DEMOTION, "c", "a")
    assert contest.champion == "c"


@pytest.mark.parametrize(("model", "state"), [("b", "not_champion"), ("a", "no_challenger")])
def test_what_cannot_be_demoted_is_refused(model: str, state: str) -> None:
    """Only the champion, and only where somebody can follow."""
    contest, _ = play([("a", 0.9)])
    with pytest.raises(CallerError) as refused:
        demoted(contest, model, RULES.models, WORD)

    assert (refused.value.reason, refused.value.metadata["state"]) == ("STATE_CONFLICT", state)


def test_challengers_are_listed_best_first() -> None:
    """Equal ones by name, so that two readers see the same."""
    contest, _ = play(rounds(2, a=0.1, c=0.5, b=0.5, d=0.7))

    assert [each.model for each in contest.standings.challengers] == ["d", "b", "c"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), max_size=80))
def test_the_version_counts_every_score(scores: list[tuple[str, float]]) -> None:
    """No score is lost, none is counted twice, and the champion is one of those that scored."""
    contest = Contest()
    for number, (model, value) in enumerate(scores, start=1):
        contest, _ = scored(contest, model, value, Rules(models=frozenset("abc"), min_scores=1), NOW)
        assert contest.version == number
    assert sum(track.count for track in contest.tracks) == len(scores)
    assert not scores or contest.track(contest.champion)
