"""Every try is accounted for, and the end of a route means one thing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.chassis.errors import Kind, WorldError
from services.router.core import account, failures
from services.router.core.account import Outcome, Usage
from tests.unit.router.requests import POLICY, SPAN, planned

PLAN = planned(POLICY)
TOOK = timedelta(seconds=0.5)
USAGE = Usage(input_tokens=1000, output_tokens=500, estimated=False)


def outcomes(attempts: tuple[account.Attempt, ...]) -> list[tuple[str, Outcome]]:
    """Return who was tried and how it ended."""
    return [(attempt.model.provider, attempt.outcome) for attempt in attempts]


def test_one_try_that_won_costs_what_it_used() -> None:
    """The winner's own count and price."""
    attempts = account.answered(PLAN, winner="openai", count=1, usage=USAGE, span=SPAN, took=TOOK)
    assert outcomes(attempts) == [("openai", Outcome.WON)]
    assert attempts[0].micro_usd == 150 + 300


@pytest.mark.spec("T18")
def test_a_try_that_lost_is_booked_with_the_prompt_it_may_have_been_billed() -> None:
    """Its end is unknown, its usage an estimate, its answer nothing."""
    attempts = account.answered(PLAN, winner="openai", count=2, usage=USAGE, span=SPAN, took=TOOK)
    assert outcomes(attempts) == [("local", Outcome.UNKNOWN), ("openai", Outcome.WON)]
    assert attempts[0].usage == Usage(input_tokens=PLAN.input_tokens, output_tokens=0, estimated=True)
    assert account.total_micro_usd(attempts) == sum(attempt.micro_usd for attempt in attempts)


def test_an_ejected_provider_that_was_passed_over_is_not_booked() -> None:
    """The winner stands behind it in the order, with one try in all."""
    assert outcomes(account.answered(PLAN, winner="openai", count=1, usage=USAGE, span=SPAN, took=TOOK)) == [
        ("openai", Outcome.WON)
    ]


def test_more_tries_than_providers_are_booked_once_each() -> None:
    """Where Envoy sends a second try to the same provider, no provider is invented."""
    attempts = account.answered(PLAN, winner="local", count=5, usage=USAGE, span=SPAN, took=TOOK)
    assert outcomes(attempts) == [("openai", Outcome.UNKNOWN), ("local", Outcome.WON)]


def test_a_failure_before_the_first_token_costs_nothing_and_one_after_it_does() -> None:
    """No vendor bills a refusal; what was written before a break is billed."""
    refused = account.failed(PLAN, last="openai", count=1, reason="PROVIDER_UNAVAILABLE", span=SPAN)
    assert (outcomes(refused), refused[0].micro_usd) == ([("openai", Outcome.FAILED)], 0)
    broken = account.failed(PLAN, last="openai", count=1, reason="STREAM_BROKEN", span=SPAN, sent_characters=4000)
    assert broken[0].usage == Usage(input_tokens=PLAN.input_tokens, output_tokens=1000, estimated=True)
    assert broken[0].micro_usd >= 600


def test_a_failure_of_unknown_origin_ends_at_the_last_provider_tried() -> None:
    """Envoy's own refusals name nobody."""
    assert outcomes(account.failed(PLAN, last="", count=2, reason="DEPENDENCY_UNAVAILABLE", span=SPAN)) == [
        ("local", Outcome.UNKNOWN),
        ("openai", Outcome.FAILED),
    ]


def test_the_winner_is_timed_from_its_own_start() -> None:
    """A hedge that answers half a second after it joined took half a second, not the whole wait."""
    span = replace(SPAN, first_token_after=timedelta(seconds=1.6))
    *_, won = account.answered(PLAN, winner="openai", count=2, usage=USAGE, span=span, took=TOOK)
    assert (won.started_at, won.duration) == (SPAN.started_at + timedelta(seconds=1.5), TOOK)
    assert won.first_token_after == timedelta(seconds=0.1)


def test_a_vendor_time_beyond_the_whole_call_is_cut_to_it() -> None:
    """Clocks of two processes may differ; a try never begins before its call."""
    (won,) = account.answered(PLAN, winner="local", count=1, usage=USAGE, span=SPAN, took=timedelta(seconds=9))
    assert (won.started_at, won.duration) == (SPAN.started_at, SPAN.duration)


def test_a_stream_that_was_taken_back_is_booked_at_who_sent_it() -> None:
    """What had been written by then has its price."""
    (attempt,) = account.abandoned(PLAN, span=SPAN, provider="openai", sent_characters=8)
    assert (attempt.model.provider, attempt.outcome) == ("openai", Outcome.UNKNOWN)
    assert (attempt.usage.output_tokens, attempt.reason) == (2, "CANCELLED")


@pytest.mark.parametrize(("seconds", "asked"), [(2, ["local"]), (10, ["local", "openai"]), (55, ["local", "openai"])])
def test_a_silent_call_that_was_taken_back_is_booked_at_all_who_had_joined(seconds: int, asked: list[str]) -> None:
    """After each hedge delay one more provider may have read the prompt."""
    attempts = account.abandoned(PLAN, span=replace(SPAN, duration=timedelta(seconds=seconds)))
    assert [attempt.model.provider for attempt in attempts] == asked


ENDS = [
    (Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
    (Kind.UNAVAILABLE, "PROVIDER_CREDENTIALS_REJECTED", Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
    (Kind.UNAVAILABLE, "PROVIDER_MALFORMED", Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
    (Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
    (Kind.ABORTED, "PROVIDER_REJECTED", Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
    (Kind.INTERNAL, "INTERNAL", Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
    (Kind.DENIED, "CALLER_NOT_ALLOWED", Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE"),
    (Kind.ABORTED, "PROVIDER_PROMPT_TOO_LONG", Kind.INVALID, "PROMPT_TOO_LONG"),
    (Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED", Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED"),
    (Kind.EXHAUSTED, "RESOURCE_LIMIT", Kind.EXHAUSTED, "RESOURCE_LIMIT"),
    (Kind.DEADLINE, "DEADLINE_EXPIRED", Kind.DEADLINE, "DEADLINE_EXPIRED"),
    (Kind.CANCELLED, "CANCELLED", Kind.CANCELLED, "CANCELLED"),
]


@pytest.mark.parametrize(("kind", "reason", "told_kind", "told_reason"), ENDS, ids=[end[1] for end in ENDS])
def test_the_end_of_a_route_is_told_once_and_with_its_order(
    kind: Kind, reason: str, told_kind: Kind, told_reason: str
) -> None:
    """Order, attempts and the last reason are there; a wait that a provider asked for is kept."""
    last = WorldError(kind, reason, "…", metadata={"provider": "openai"}, retry_after_s=3.0)
    told = failures.exhausted(("local", "openai"), last, attempts=2)
    assert (told.kind, told.reason) == (told_kind, told_reason)
    assert dict(told.metadata) == {
        "order": "local,openai",
        "last_reason": reason,
        "attempts": "2",
        "provider": "openai",
        **({"degraded_mode": "OFFLINE"} if told_reason == "PROVIDERS_UNAVAILABLE" else {}),
    }
    assert told.retry_after_s == (None if told_kind is Kind.INVALID else 3.0)
