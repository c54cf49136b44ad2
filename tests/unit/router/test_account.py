"""The try that won is priced and timed as its reply tells, and the end of a route means one thing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.chassis.errors import Kind, WorldError
from services.router.core import account, failures
from services.router.core.account import Outcome, Usage
from tests.unit.router.requests import POLICY, SPAN, planned

LOCAL, OPENAI = planned(POLICY).models
TOOK = timedelta(seconds=0.5)
USAGE = Usage(input_tokens=1000, output_tokens=500, estimated=False)


def test_a_try_that_won_costs_what_it_used() -> None:
    """Its own count and price."""
    won = account.won(OPENAI, USAGE, SPAN, TOOK)
    assert (won.outcome, won.micro_usd) == (Outcome.WON, 150 + 300)
    assert account.total_micro_usd([won, won]) == 900


def test_the_winner_is_timed_from_its_own_start() -> None:
    """A hedge that answers half a second after it joined took half a second, not the whole wait."""
    won = account.won(OPENAI, USAGE, replace(SPAN, first_token_after=timedelta(seconds=1.6)), TOOK)
    assert (won.started_at, won.duration) == (SPAN.started_at + timedelta(seconds=1.5), TOOK)
    assert won.first_token_after == timedelta(seconds=0.1)


def test_a_vendor_time_beyond_the_whole_call_is_cut_to_it() -> None:
    """Clocks of two processes may differ; a try never begins before its call."""
    won = account.won(LOCAL, USAGE, SPAN, timedelta(seconds=9))
    assert (won.started_at, won.duration) == (SPAN.started_at, SPAN.duration)


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
