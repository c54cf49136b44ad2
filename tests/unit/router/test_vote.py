"""The rules of a vote over ballots that are already grouped."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.outlook import Outlook
from services.router.core.request import Limits, VotingRule
from services.router.core.spend.reservation import claims_of
from services.router.core.vote import Seat, count, seat_all
from tests.unit.router.choosing import MODELS, POLICY, decided, standings

U, M, W, C = VotingRule.UNANIMOUS, VotingRule.MAJORITY, VotingRule.WEIGHTED, VotingRule.CONFIDENCE


def seats(*weights: float) -> list[Seat]:
    """Return a seat for each weight."""
    return [Seat(model=model, weight=weight) for model, weight in zip(MODELS, weights, strict=False)]


EVEN = (1.0, 1.0, 1.0)
# rule, weights, group of each seat (None: silent), agreed, consensus, seat whose answer is given
GOLDEN = [
    (U, EVEN, (0, 0, 0), True, 1.0, 0),
    (U, EVEN, (0, 0, 1), False, 2 / 3, 0),
    (U, EVEN, (0, 0, None), False, 2 / 3, 0),
    (M, EVEN, (0, 1, 1), True, 2 / 3, 1),
    (M, EVEN, (0, 1, 2), False, 1 / 3, 0),
    (M, EVEN, (0, 0, None), True, 2 / 3, 0),
    (M, EVEN, (0, None, None), False, 1 / 3, 0),
    (M, (1.0, 1.0, 1.0, 1.0), (0, 0, 1, 1), False, 0.5, 0),
    (M, (1.0,), (0,), False, 1.0, 0),
    (W, (0.9, 0.3, 0.3), (0, 1, 1), False, 0.6, 0),
    (W, (0.4, 0.3, 0.3), (0, 1, 1), True, 0.6, 1),
    (W, (0.2, 0.3, 0.5), (0, 1, 1), True, 0.8, 2),
    (C, (0.9, 0.8, 0.2), (0, 0, 1), True, 1.7 / 1.9, 0),
    (C, (0.7, 0.7, 0.1), (0, 0, 1), True, 1.4 / 1.5, 0),
    (C, (0.5, 0.6, 0.9), (0, 0, 1), False, 1.1 / 2.0, 1),
    (C, (0.9, 0.8, 0.7), (0, 1, 2), False, 0.9 / 2.4, 0),
]


@pytest.mark.spec("RTR-19")
@pytest.mark.parametrize(("rule", "weights", "groups", "agreed", "consensus", "winner"), GOLDEN)
def test_each_rule_has_its_measure(  # noqa: PLR0917 - a row of the table
    rule: VotingRule,
    weights: tuple[float, ...],
    groups: tuple[int | None, ...],
    agreed: bool,
    consensus: float,
    winner: int,
) -> None:
    """Who is silent stands behind nothing; a lone voice never agrees; the best of the weightiest group is given."""
    said = {number: group for number, group in enumerate(groups) if group is not None}
    failures = {number: "PROVIDER_UNAVAILABLE" for number, group in enumerate(groups) if group is None}
    vote = count(rule, seats(*weights), said, failures)

    assert (vote.agreed, vote.winner) == (agreed, winner)
    assert vote.consensus == pytest.approx(consensus)
    assert [ballot.reason for ballot in vote.ballots] == [failures.get(n, "") for n in range(len(weights))]


@pytest.mark.spec("RTR-19")
@given(
    rule=st.sampled_from(VotingRule),
    ballots=st.lists(st.tuples(st.floats(0, 1), st.one_of(st.none(), st.integers(0, 4))), min_size=1, max_size=6),
)
def test_any_vote_is_sound(rule: VotingRule, ballots: list[tuple[float, int | None]]) -> None:
    """The winner stands in group 0, groups are numbered by weight, agreement needs two, consensus is a share."""
    if all(group is None for _, group in ballots):
        ballots = [*ballots[1:], (1.0, 0)]
    chairs = seats(*(weight for weight, _ in ballots))
    said = {number: group for number, (_, group) in enumerate(ballots) if group is not None}
    vote = count(rule, chairs, said, {n: "X" for n in range(len(ballots)) if n not in said})

    backers = [ballot for ballot in vote.ballots if ballot.group == 0]
    assert vote.ballots[vote.winner] in backers
    assert 0 <= vote.consensus <= 1.0 + 1e-9
    assert not vote.agreed or len(backers) > 1
    assert (vote.ballots[0].group is None) is (0 not in said)


@pytest.mark.spec("RTR-19", "T18")
def test_a_plan_with_a_vote_seats_the_best_of_each_provider_first() -> None:
    """Independent voters before related ones; the price is that of all; nobody votes where no rule is named."""
    made = decided(
        None, replace(POLICY, providers=("openai", "anthropic"), voters=3), strategy="quality", voting_rule=M
    )

    assert [seat.model.name for seat in made.seats] == ["anthropic-opus", "openai-turbo", "anthropic-sonnet"]
    assert made.order == ("anthropic", "openai")
    assert made.estimated_micro_usd == sum(made.price_of(seat.model) for seat in made.seats)
    assert "3 vote by the rule majority: anthropic-opus, openai-turbo, anthropic-sonnet" in made.explanation
    assert decided().seats == ()


@pytest.mark.spec("RTR-19", "PRV-08")
def test_all_voters_together_stay_below_the_limit_of_a_request() -> None:
    """Who cannot be paid beside the others has no seat, and it is said that fewer vote than wanted."""
    limits = Limits(micro_usd=30_000)
    made = decided(None, replace(POLICY, limits=limits), strategy="quality", voting_rule=M)
    set_aside = [claims_of(made.alone(seat.model), 30_000)[0].micro_usd for seat in made.seats]

    assert sum(set_aside) <= 30_000
    assert [seat.model.name for seat in made.seats] == ["anthropic-opus", "local-tiny", "anthropic-sonnet"]
    assert "openai-turbo could cost" in made.explanation


@pytest.mark.spec("RTR-24")
def test_a_vote_draws_nobody() -> None:
    """All sit, so there is nothing to explore: the champion comes first with certainty."""
    scores = standings("anthropic-sonnet", {"anthropic-sonnet": 0.8, "openai-mini": 0.7})
    outlook = Outlook(standings=scores, draw=0.0)
    made = decided(outlook, replace(POLICY, explore_share=0.5), strategy="domain", voting_rule=M)
    assert (made.explored, made.propensity, made.seats[0].model.name) == (False, 1.0, "anthropic-sonnet")


def test_fewer_models_than_seats_is_said() -> None:
    """A mesh with one model has a vote of one, which can never agree."""
    made = decided(None, replace(POLICY, providers=("local",)), voting_rule=M)
    assert "1 vote by the rule majority, 3 were wanted: local-tiny" in made.explanation


@pytest.mark.parametrize(("rule", "weights"), [(U, [1, 1]), (M, [1, 1]), (W, [0.9, 0.4]), (C, [0.9, 0.4])])
def test_a_voice_weighs_what_the_rule_says(rule: VotingRule, weights: list[float]) -> None:
    """Heads are counted, or what the scores say."""
    assert [seat.weight for seat in seat_all(rule, [(MODELS[0], 0.9), (MODELS[1], 0.4)])] == weights
