"""What a call has cost is what its adapters tell; where nobody can tell any more, the most that it can have cost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.chassis.errors import Kind, MeshError
from services.router.core import account
from services.router.core.account import Attempt, Outcome, Usage
from services.router.core.bound import REPAIR_TOKENS
from services.router.core.spend import testimony
from services.router.core.spend.reservation import Claim, claims_of, trimmed
from services.router.core.spend.settlement import STRIDE, Evidence, Reckoning, reckon
from services.router.core.spend.testimony import Told
from tests.unit.router.requests import POLICY, SPAN, planned

PLAN = planned(POLICY)
LOCAL, OPENAI = claims_of(PLAN, 500_000)
BEGAN = SPAN.started_at
USED = Usage(input_tokens=100, output_tokens=50, estimated=False)
WON = account.won(PLAN.models[1], USED, SPAN, SPAN.duration)
LONG_AGO = BEGAN - timedelta(hours=1)


def told(outcome: Outcome = Outcome.CANCELLED, reason: str = "") -> Told:
    """Return a try that ended so."""
    usage = Usage(input_tokens=20, output_tokens=3, estimated=True)
    return Told(outcome=outcome, started_at=BEGAN, duration=timedelta(seconds=1), usage=usage, reason=reason)


def heard(*tries: Told, running: int = 0, late: bool = False) -> testimony.Testimony:
    """Return what an adapter says, one that was started after the call began where it is ``late``."""
    since = BEGAN + timedelta(seconds=1) if late else LONG_AGO
    return testimony.Testimony(tries=tries, running=running, remembers_since=since)


def about(
    *claims: Claim, won: Attempt | None = None, started: int | None = None, **heards: testimony.Testimony
) -> Reckoning:
    """Return what is known of a call."""
    return reckon(claims, Evidence(began=BEGAN, testimonies=heards, won=won, started=started))


def ends(reckoning: Reckoning) -> list[tuple[str, Outcome]]:
    """Return who was tried and how it ended."""
    return [(attempt.model.provider, attempt.outcome) for attempt in reckoning.attempts]


def test_one_try_that_won_is_all_there_is() -> None:
    """Nobody need be asked, and nothing stays open."""
    reckoning = about(LOCAL, OPENAI, won=WON, started=1)
    assert (ends(reckoning), reckoning.open) == ([("openai", Outcome.WON)], ())


@pytest.mark.spec("T18")
def test_a_try_that_lost_is_booked_with_what_its_vendor_had_read_and_written() -> None:
    """The adapter's own count, not a guess; the winner comes last and keeps the number of its place."""
    reckoning = about(LOCAL, OPENAI, won=WON, started=2, local=heard(told()), openai=heard(told(Outcome.WON)))
    assert ends(reckoning) == [("local", Outcome.CANCELLED), ("openai", Outcome.WON)]
    assert [attempt.number for attempt in reckoning.attempts] == [1, 2]
    assert reckoning.attempts[0].usage == told().usage


def test_an_answer_that_came_too_late_was_taken_back() -> None:
    """Its vendor was done, but nobody got the answer: it is billed whole and did not win."""
    reckoning = about(LOCAL, OPENAI, won=WON, started=2, local=heard(told(Outcome.WON)))
    assert ends(reckoning) == [("local", Outcome.CANCELLED), ("openai", Outcome.WON)]


def test_a_try_that_goes_on_stays_open() -> None:
    """What it will cost is not known yet, so its claim stays held."""
    reckoning = about(LOCAL, OPENAI, won=WON, started=2, local=heard(running=1))
    assert (ends(reckoning), reckoning.open) == ([("openai", Outcome.WON)], (LOCAL,))


def test_an_adapter_that_was_started_since_makes_its_try_unknown_at_its_whole_claim() -> None:
    """Nobody will ever know, and an upper bound never overspends."""
    reckoning = about(LOCAL, OPENAI, openai=heard(late=True), local=heard(told(Outcome.FAILED, "PROVIDER_UNAVAILABLE")))
    unknown = reckoning.attempts[1]
    assert ends(reckoning) == [("local", Outcome.FAILED), ("openai", Outcome.UNKNOWN)]
    assert (unknown.micro_usd, unknown.usage.estimated) == (OPENAI.micro_usd, True)
    assert reckoning.open == ()


def test_an_adapter_that_is_away_is_asked_again_before_it_is_given_up() -> None:
    """It may come back with its memory; until then the claim stays held."""
    reckoning = about(OPENAI)
    assert (reckoning.attempts, reckoning.open) == ((), (OPENAI,))
    assert ends(reckoning.given_up(reckoning.lost, BEGAN)) == [("openai", Outcome.UNKNOWN)]
    assert reckoning.given_up(reckoning.lost, BEGAN).open == ()


def test_an_adapter_that_saw_no_try_is_believed_after_a_while() -> None:
    """At first one may be on its way to it; later nobody had asked it, and nothing is booked."""
    reckoning = about(LOCAL, OPENAI, local=heard(told()), openai=heard())
    assert reckoning.open == (OPENAI,)
    assert (reckoning.without_silent().open, ends(reckoning)) == ((), [("local", Outcome.CANCELLED)])


def test_no_more_tries_are_unknown_than_the_proxy_started() -> None:
    """Two were started and one answered: of two adapters that cannot tell, one was asked, and it is the first."""
    third = Claim(place=3, model=PLAN.models[0], input_tokens=1, output_tokens=1)
    reckoning = about(LOCAL, OPENAI, third, won=WON, started=2)
    assert reckoning.open == (LOCAL,)


def test_each_further_try_at_one_provider_has_its_own_number() -> None:
    """A vendor that was asked again is billed again."""
    failed, again = told(Outcome.FAILED, "PROVIDER_UNAVAILABLE"), told(Outcome.WON)
    reckoning = about(OPENAI, won=WON, started=2, openai=heard(failed, again))
    assert ends(reckoning) == [("openai", Outcome.FAILED), ("openai", Outcome.WON)]
    assert [attempt.number for attempt in reckoning.attempts] == [2, 2 + STRIDE]


@pytest.mark.spec("PRV-08", "T18")
def test_every_model_is_claimed_at_its_worst() -> None:
    """All bytes of the prompt as tokens, and the cap of the answer: more no tokenizer counts."""
    prompt = PLAN.prompt
    assert OPENAI.input_tokens >= len((prompt.system + prompt.user).encode())
    assert OPENAI.output_tokens == PLAN.output_tokens
    assert OPENAI.micro_usd == PLAN.models[1].price.of(
        input_tokens=OPENAI.input_tokens, output_tokens=OPENAI.output_tokens
    )


@pytest.mark.spec("PRV-08", "C15")
def test_models_that_exceed_the_limit_of_a_request_are_not_claimed() -> None:
    """What is free is still claimed; where nothing fits, COST_LIMIT says how much it would take."""
    assert [claim.provider for claim in claims_of(PLAN, OPENAI.micro_usd - 1)] == ["local"]
    with pytest.raises(MeshError) as caught:
        claims_of(trimmed(PLAN, ["openai"]), 1)
    assert (caught.value.kind, caught.value.reason) == (Kind.EXHAUSTED, "COST_LIMIT")
    assert caught.value.metadata["estimate_micro_usd"] == str(OPENAI.micro_usd)


def test_a_plan_without_whom_the_budget_would_not_cover_says_so() -> None:
    """The order is shorter, and the explanation names who was dropped and why."""
    assert trimmed(PLAN, ["local", "openai"]) is PLAN
    short = trimmed(PLAN, ["local"])
    assert (short.order, [left.model.provider for left in short.left_out]) == (("local",), ["openai"])
    assert "gpt-4o-mini of openai is left out: what remains of the budget" in short.explanation


def test_whoever_comes_first_for_want_of_money_was_not_drawn() -> None:
    """The probability of the first model is not that of its successor, and nothing was explored."""
    drawn = replace(PLAN, propensity=0.1, explored=True)
    assert (trimmed(drawn, ["local"]).propensity, trimmed(drawn, ["local"]).explored) == (0.1, True)
    assert (trimmed(drawn, ["openai"]).propensity, trimmed(drawn, ["openai"]).explored) == (1.0, False)


def test_a_schema_is_read_as_well_and_asked_about_twice() -> None:
    """What an answer must look like goes to the vendor with the prompt, and with the answer that did not follow it."""
    with_schema = claims_of(replace(PLAN, json_schema="{}" * 100), 500_000)
    assert with_schema[0].output_tokens == 2 * LOCAL.output_tokens
    assert with_schema[0].input_tokens == 2 * (LOCAL.input_tokens + 200) + LOCAL.output_tokens + REPAIR_TOKENS
