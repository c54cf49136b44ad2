"""What a day has cost, as people read it."""

import pytest

from magistrate.common.v1.usage_pb2 import Money
from magistrate.router.v1.router_pb2 import GetCostSummaryResponse
from tools.cli.costs import headline
from tools.cli.marks import dollars


def money(micro_usd: int) -> Money:
    """Return an amount."""
    return Money(micro_usd=micro_usd)


@pytest.mark.parametrize(
    ("micro_usd", "shown"),
    [(0, "$0.00"), (37, "$0.000037"), (10_000, "$0.01"), (1_234_567, "$1.23"), (12_345_678_901, "$12,345.68")],
)
def test_an_amount_is_shown_as_exactly_as_it_matters(micro_usd: int, shown: str) -> None:
    """Parts of a cent in full where they are all there is; cents where there are dollars."""
    assert dollars(micro_usd) == shown


@pytest.mark.spec("PRV-10")
def test_the_headline_says_total_average_and_rest() -> None:
    """One line for people; what is in flight only where something is."""
    reply = GetCostSummaryResponse(
        day="2026-01-31",
        total=money(60),
        requests=2,
        daily_limit=money(100_000_000),
        remaining=money(99_999_840),
        held=money(100),
    )
    assert headline(reply) == (
        "2026-01-31: $0.000060 for 2 requests, $0.000030 each, $0.000100 held for calls in flight, "
        "$100.00 of $100.00 remain"
    )


def test_a_day_without_limit_and_calls_says_so() -> None:
    """No division by nothing."""
    reply = GetCostSummaryResponse(day="2026-01-31", total=money(0))
    assert headline(reply) == "2026-01-31: $0.00 for 0 requests, no limit"
