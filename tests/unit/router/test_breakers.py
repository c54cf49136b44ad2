"""Breakers open for what speaks against a provider, and for nothing else."""

import random

import pytest

from services.chassis.breaker import State
from services.chassis.errors import Kind, MeshError
from services.router.core.account import Attempt, Outcome
from services.router.core.breakers import PROBE_S, Breakers, Verdict, judge
from services.router.core.outlook import Outlook
from services.router.core.plan import plan
from tests.unit.router.requests import POLICY, PROMPTS, SHIPPED, asking
from tests.unit.router.tries import attempt

DOWN = attempt("local", Outcome.FAILED, 0.1, reason="PROVIDER_UNAVAILABLE")
FINE = attempt("local", Outcome.WON, 0.1)
SAYS = {
    "an answer": (FINE, Verdict.FINE),
    "vendor down": (DOWN, Verdict.FAULT),
    "junk": (attempt("local", Outcome.FAILED, 0.1, reason="PROVIDER_MALFORMED"), Verdict.FAULT),
    "keys revoked": (attempt("local", Outcome.FAILED, 0.1, reason="PROVIDER_CREDENTIALS_REJECTED"), Verdict.FAULT),
    "broken stream": (attempt("local", Outcome.FAILED, 3, first_s=0.1, reason="STREAM_BROKEN"), Verdict.FAULT),
    "overtaken stall": (attempt("local", Outcome.CANCELLED, 1.1), Verdict.FAULT),
    "stall to the deadline": (attempt("local", Outcome.FAILED, 5, reason="DEADLINE_EXPIRED"), Verdict.FAULT),
    "stall of all to the deadline": (attempt("local", Outcome.CANCELLED, 5, reason="DEADLINE_EXPIRED"), Verdict.FAULT),
    "taken back at a short deadline": (
        attempt("local", Outcome.CANCELLED, 4.9, reason="DEADLINE_EXPIRED"),
        Verdict.NOTHING,
    ),
    "short deadline": (attempt("local", Outcome.FAILED, 4.9, reason="DEADLINE_EXPIRED"), Verdict.NOTHING),
    "caller left": (attempt("local", Outcome.CANCELLED, 9, reason="CANCELLED"), Verdict.NOTHING),
    "overtaken soon": (attempt("local", Outcome.CANCELLED, 0.2), Verdict.NOTHING),
    "taken back while it wrote": (attempt("local", Outcome.CANCELLED, 9, first_s=0.1), Verdict.NOTHING),
    "rate limit": (attempt("local", Outcome.FAILED, 0.1, reason="PROVIDER_RATE_LIMITED"), Verdict.NOTHING),
    "slots full": (attempt("local", Outcome.FAILED, 0.1, reason="RESOURCE_LIMIT"), Verdict.NOTHING),
    "too long": (attempt("local", Outcome.FAILED, 0.1, reason="PROVIDER_PROMPT_TOO_LONG"), Verdict.FINE),
    "refused": (attempt("local", Outcome.FAILED, 0.1, reason="PROVIDER_REJECTED"), Verdict.FINE),
    "malformed request": (attempt("local", Outcome.FAILED, 0.1, reason="FIELD_MALFORMED"), Verdict.NOTHING),
    "unknown": (attempt("local", Outcome.UNKNOWN, 0), Verdict.NOTHING),
}


@pytest.mark.spec("T29", "PRV-17")
@pytest.mark.parametrize(("tried", "verdict"), SAYS.values(), ids=SAYS.keys())
def test_a_try_says_what_its_provider_did(tried: Attempt, verdict: Verdict) -> None:
    """What the caller did, and what only a limit did, speaks against nobody."""
    assert judge(tried, overtaken_s=1.0, stall_s=5.0) is verdict


def opened(at: float = 0.0) -> Breakers:
    """Return breakers, that of local open since ``at``."""
    breakers = Breakers(("local", "openai"))
    for _ in range(5):
        breakers.learn("local", Verdict.FAULT, at)
    return breakers


@pytest.mark.spec("RTR-17", "PRV-17")
def test_five_faults_in_a_row_send_a_provider_away_for_a_minute() -> None:
    """Four do not, and an answer in between starts the count again."""
    breakers = Breakers(("local", "openai"))
    for verdict in (Verdict.FAULT,) * 4 + (Verdict.FINE,) + (Verdict.FAULT,) * 4 + (Verdict.NOTHING,) * 9:
        breakers.learn("local", verdict, 0)
    assert breakers.away(0) == frozenset()
    breakers.learn("local", Verdict.FAULT, 0)
    assert breakers.away(0) == breakers.away(59.9) == {"local"}
    assert breakers.back_after_s(10) == 50
    assert breakers.states(0) == {"local": State.OPEN, "openai": State.CLOSED}


@pytest.mark.spec("RTR-17", "PRV-17")
def test_one_probe_at_a_time_and_two_good_ones_close() -> None:
    """While a probe is on its way the others keep away; one bad probe opens for another minute."""
    breakers = opened()
    assert breakers.resting(60) == frozenset()
    assert breakers.away(60) == frozenset()
    assert breakers.away(60.1) == {"local"}
    breakers.learn("local", Verdict.FINE, 61)
    assert (breakers.away(61), breakers.away(61)) == (frozenset(), frozenset({"local"}))
    breakers.learn("local", Verdict.FINE, 62)
    assert (breakers.away(62), breakers.away(62)) == (frozenset(), frozenset())

    again = opened()
    again.away(60)
    again.learn("local", Verdict.FAULT, 61)
    assert again.away(120) == {"local"}
    assert again.away(121) == frozenset()


def test_a_probe_that_nobody_heard_of_again_gives_way() -> None:
    """A plan that was never carried out does not keep a provider away for ever."""
    breakers = opened()
    breakers.away(60)
    assert breakers.away(60 + PROBE_S - 0.1) == {"local"}
    assert breakers.away(60 + PROBE_S) == frozenset()


def test_a_late_word_from_before_changes_an_open_breaker_in_nothing() -> None:
    """What was in flight when it opened ends without a say."""
    breakers = opened()
    breakers.learn("local", Verdict.FINE, 1)
    assert breakers.away(2) == {"local"}


@pytest.mark.spec("OBS-17")
def test_a_healthy_provider_with_two_percent_of_errors_is_never_sent_away() -> None:
    """Twenty thousand calls, seeded."""
    breakers, draws = Breakers(("local",)), random.Random(17)  # noqa: S311 - a test that repeats itself
    for second in range(20_000):
        breakers.learn("local", Verdict.FAULT if draws.random() < 0.02 else Verdict.FINE, second)
        assert breakers.away(second) == frozenset()


@pytest.mark.spec("RTR-17")
def test_who_is_away_is_not_planned_with() -> None:
    """The next one comes first; where all are away the caller learns it at once, and when to come back."""
    assert plan(asking(), POLICY, SHIPPED, PROMPTS, Outlook(away=frozenset({"local"}))).order == ("openai",)
    nobody = Outlook(away=frozenset({"local", "openai"}), back_after_s=12.0)
    for request in (asking(), asking(model="gpt-4", roles=("admin",))):
        with pytest.raises(MeshError) as caught:
            plan(request, POLICY, SHIPPED, PROMPTS, nobody)
        assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE")
        assert caught.value.metadata["degraded_mode"] == "OFFLINE"
        assert caught.value.retry_after_s == 12.0
