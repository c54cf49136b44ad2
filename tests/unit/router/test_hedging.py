"""Hedges cost a bounded share of the calls; failures that move on cost none."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.core.account import Outcome
from services.router.core.hedging import Budget, was_joined
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


JOINED = {
    "silent loser": (attempt("local", Outcome.CANCELLED, 0.6), True),
    "slow winner": (attempt("local", Outcome.WON, 0.7), True),
    "fast winner": (attempt("local", Outcome.WON, 0.4), False),
    "stream that began in time": (attempt("local", Outcome.WON, 9, first_s=0.1), False),
    "early failure": (attempt("local", Outcome.FAILED, 0.1, reason="PROVIDER_UNAVAILABLE"), False),
    "late failure": (attempt("local", Outcome.FAILED, 0.6, reason="PROVIDER_UNAVAILABLE"), True),
    "last of the order": (attempt("openai", Outcome.WON, 9), False),
}


@pytest.mark.spec("T18")
@pytest.mark.parametrize(("tried", "joined"), JOINED.values(), ids=JOINED.keys())
def test_a_try_was_joined_where_it_was_silent_for_the_delay(tried, joined: bool) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a table
    """A failure before it is followed, not hedged."""
    assert was_joined(PLAN, tried) is joined


@pytest.mark.spec("RTR-03")
def test_without_budget_nobody_joins_and_the_plan_says_so() -> None:
    """The delay is infinite; a failure is still followed."""
    unhedged = plan(asking(), POLICY, SHIPPED, PROMPTS, Outlook(may_hedge=False))
    assert unhedged.order == ("local", "openai")
    assert unhedged.hedge_delay_s == float("inf")
    assert "openai joins on a failure" in unhedged.explanation
    assert not was_joined(unhedged, attempt("local", Outcome.WON, 50))


@pytest.mark.spec("RTR-03")
def test_the_measured_delay_of_the_first_model_is_taken() -> None:
    """That of others does not matter."""
    outlook = Outlook(hedge_delays_s={"smollm2-135m": 0.3, "gpt-4o-mini": 4.0})
    assert plan(asking(), POLICY, SHIPPED, PROMPTS, outlook).hedge_delay_s == 0.3
