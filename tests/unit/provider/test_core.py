"""The pure parts: Retry-After, estimates, limits."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import CallerError, Kind
from services.provider.core import failures, tokens
from services.provider.core.completion import Message, Prompt, Role
from services.provider.core.request import check

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SAFE_TO_LOSE_A_RACE = {Kind.UNAVAILABLE, Kind.EXHAUSTED, Kind.ABORTED}


@pytest.mark.spec("PRV-03")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("2", 2.0),
        ("1.5", 1.5),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("99999999999999999999", 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("soon", None),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str | None, seconds: float | None) -> None:
    """Seconds and dates are understood, up to an hour; whatever else a vendor sends is no wait at all."""
    assert failures.retry_after_s(header, NOON) == seconds


@pytest.mark.spec("T29")
@given(status=st.integers(400, 599), codes=st.frozensets(st.text(max_size=20), max_size=2))
def test_every_http_error_is_one_that_envoy_moves_on_from(status: int, codes: frozenset[str]) -> None:
    """No vendor's answer can win a race by failing fast and cancel a provider that works."""
    assert failures.from_status("openai", status, codes=codes).kind in SAFE_TO_LOSE_A_RACE


@pytest.mark.spec("PRV-05")
@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("four", 1), ("fives", 2)])
def test_the_estimate_is_a_quarter_of_the_characters_rounded_up(text: str, count: int) -> None:
    """And it says that it is an estimate."""
    assert tokens.estimate(text).tokens == count
    assert tokens.estimate(text).estimated


GOOD = Prompt(model="m", messages=(Message(role=Role.USER, text="hello"),), max_tokens=10)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (replace(GOOD, messages=()), "FIELD_REQUIRED"),
        (replace(GOOD, max_tokens=0), "FIELD_OUT_OF_RANGE"),
        (replace(GOOD, max_tokens=-1), "FIELD_OUT_OF_RANGE"),
        (replace(GOOD, max_tokens=4001), "FIELD_OUT_OF_RANGE"),
        (replace(GOOD, temperature=-0.1), "FIELD_OUT_OF_RANGE"),
        (replace(GOOD, temperature=float("nan")), "FIELD_OUT_OF_RANGE"),
        (replace(GOOD, json_schema="[]"), "FIELD_MALFORMED"),
        (replace(GOOD, json_schema="not json"), "FIELD_MALFORMED"),
    ],
)
def test_a_prompt_that_no_vendor_can_answer_is_refused(wrong: Prompt, reason: str) -> None:
    """The reason names what is wrong."""
    with pytest.raises(CallerError) as caught:
        check(wrong)

    assert caught.value.reason == reason


def test_a_good_prompt_passes() -> None:
    """At the edges of every range."""
    check(replace(GOOD, max_tokens=1, temperature=0.0))
    check(replace(GOOD, max_tokens=4000, temperature=2.0, json_schema=json.dumps({"type": "object"})))
