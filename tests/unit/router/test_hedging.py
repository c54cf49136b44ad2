"""Hedges cost a bounded share of the calls; failures that move on cost none."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.account import Attempt, Outcome
from services.router.core.hedging import Budget, hedges, silence_s
from services.router.core.outlook import Outlook
from services.router.core.plan import plan
from tests.unit.router.requests import POLICY, PROMPTS, SHIPPED, asking, planned
from tests.unit.router.tries import attempt

PLAN = replace(planned(), hedge_delay_s=0.5)


@pytest.mark.spec("RTR-03", "T18")
@given(seed=st.integers(0, 10_000), stalled=st.floats(0, 1), share=st.floats(0, 0.2), calls=st.integers(1, 400))
def test_never_more_hedges_fire_than_the_share_and_what_was_saved(
    seed: int, stalled: float, share: float, calls: int
) -> None:
    """However many calls stall."""
    budget, draws, fired = Budget(share=share, burst=10), random.Random(seed), 0  # noqa: S311 - no secret
    for _ in range(calls):
        allowed = budget.allows
        if allowed and draws.random() < stalled:
            budget.spend()
            fired += 1
        budget.earn()
    assert fired <= share * calls + 10


def test_what_was_in_flight_at_once_is_paid_back_before_the_next() -> None:
    """Thirty hedges that were allowed together leave a debt, which calls work off."""
    budget = Budget(share=0.5, burst=10)
    for _ in range(30):
        budget.spend()
    assert (budget.level, budget.allows) == (-20, False)
    for _ in range(42):
        budget.earn()
    assert budget.allows


LOST = attempt("openai", Outcome.CANCELLED, 0.01)
TOGETHER = {
    "the second won": ((attempt("local", Outcome.CANCELLED, 0.3), attempt("openai", Outcome.WON, 0.1)), 1),
    "the first won after all": ((LOST, attempt("local", Outcome.WON, 0.4)), 1),
    "an early failure": ((attempt("local", Outcome.FAILED, 0.1), attempt("openai", Outcome.WON, 0.1)), 0),
    "a broken stream": (
        (attempt("local", Outcome.FAILED, 9, first_s=0.7, reason="STREAM_BROKEN"), attempt("openai", Outcome.WON, 1)),
        0,
    ),
    "a late failure": ((attempt("local", Outcome.FAILED, 0.6), attempt("openai", Outcome.WON, 0.3)), 1),
    "a slow lone answer": ((attempt("local", Outcome.WON, 9),), 0),
    "the first was passed over": ((attempt("openai", Outcome.WON, 9),), 0),
}


@pytest.mark.spec("T18")
@pytest.mark.parametrize(("tries", "fired"), TOGETHER.values(), ids=TOGETHER.keys())
def test_two_tries_of_which_the_first_did_not_fail_are_a_hedge(tries: tuple[Attempt, ...], fired: int) -> None:
    """However short its adapter says that the first one's silence was: the way there takes time, too."""
    assert hedges(PLAN, len(tries), tries) == fired


@pytest.mark.spec("T18")
def test_the_proxys_count_tells_what_nobody_else_knows_yet() -> None:
    """The loser's end is not known, but that it was started is."""
    assert hedges(PLAN, 2, (attempt("openai", Outcome.WON, 0.1),)) == 1


@pytest.mark.spec("RTR-03")
def test_of_a_call_in_one_piece_the_proxy_hears_nothing_before_its_end() -> None:
    """That the vendor began in time does not help who waits for the end."""
    tried = attempt("local", Outcome.WON, 9, first_s=0.1)
    assert (silence_s(tried, streamed=False), silence_s(tried, streamed=True)) == (9, 0.1)


@pytest.mark.spec("RTR-03")
def test_without_budget_nobody_joins_and_the_plan_says_so() -> None:
    """The delay is infinite; a failure is still followed."""
    unhedged = plan(asking(), POLICY, SHIPPED, PROMPTS, Outlook(may_hedge=False))
    assert unhedged.order == ("local", "openai")
    assert unhedged.hedge_delay_s == float("inf")
    assert "openai joins on a failure" in unhedged.explanation
    assert hedges(unhedged, 1, (attempt("local", Outcome.WON, 50),)) == 0


@pytest.mark.spec("RTR-03")
def test_the_measured_delay_of_the_first_model_is_taken() -> None:
    """That of others does not matter."""
    outlook = Outlook(hedge_delays_s={"smollm2-135m": 0.3, "gpt-4o-mini": 4.0})
    assert plan(asking(), POLICY, SHIPPED, PROMPTS, outlook).hedge_delay_s == 0.3


@pytest.mark.spec("T18")
def test_what_an_adapter_tries_in_turn_is_one_try_for_the_proxy() -> None:
    """A key that was refused before the try that others joined made way for nobody."""
    refused = replace(attempt("local", Outcome.FAILED, 0.1), number=1)
    joined = replace(attempt("local", Outcome.CANCELLED, 0.9), number=17)
    assert hedges(PLAN, 2, (refused, joined, replace(attempt("openai", Outcome.WON, 0.1), number=2))) == 1
