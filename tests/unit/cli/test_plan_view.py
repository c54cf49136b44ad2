"""People see who would be asked, why, who would not, and what it would cost."""

import io

import pytest
from google.protobuf.duration_pb2 import Duration
from rich.console import Console

from magistrate.common.v1.usage_pb2 import Money, Route
from magistrate.router.v1.router_pb2 import LeftOutModel, PlannedModel, PlanRouteResponse
from tools.cli.plan_view import show


def shown(more: Route | None = None) -> str:
    """Return what is printed of a plan whose route has ``more`` fields."""
    route = Route(
        strategy="adaptive",
        explanation="complexity 0.3 (51 words) asks for a middle model.",
        template="general/analysis@1",
        hedge_delay=Duration(seconds=10),
    )
    route.MergeFrom(more or Route())
    plan = PlanRouteResponse(
        route=route,
        estimated_input_tokens=98,
        estimated_cost=Money(micro_usd=2_340),
        models=[
            PlannedModel(
                name="claude-3-sonnet",
                provider="anthropic",
                tier="standard",
                place="primary",
                figure="score 0.812 of 40",
                estimated_cost=Money(micro_usd=2_340),
            )
        ],
        left_out=[LeftOutModel(name="smollm2-135m", provider="local", reason="local is away")],
    )
    output = io.StringIO()
    show(plan, Console(file=output, width=160))
    return output.getvalue()


@pytest.mark.spec("RTR-01", "RTR-20")
def test_everything_of_a_plan_is_shown() -> None:
    """Order with figures and prices, who is left out with the reason, strategy, estimate, hedge delay."""
    text = shown(Route(complexity=0.3))
    for part in (
        "primary  claude-3-sonnet  anthropic  standard  $0.002340  score 0.812 of 40",
        "smollm2-135m  local  local is away",
        "adaptive",
        "complexity 0.3 (51 words) asks for a middle model.",
        "98 tokens to read, $0.002340 at the token limit",
        "after 10.00 s, or at once on a failure",
    ):
        assert part in text


@pytest.mark.spec("RTR-24")
def test_what_does_not_apply_is_not_shown() -> None:
    """No champion, no complexity, nobody who joins: no row that would look like a number."""
    text = shown()
    assert "champion" not in text
    assert "complexity  " not in text
    assert "version 4, probability 0.05, a challenger first" in shown(
        Route(champion_version=4, propensity=0.05, explored=True)
    )
