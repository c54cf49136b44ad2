"""What calls teach: the delay of the next plan, the hedge budget, who is away, and the metrics of it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from services.chassis.metrics import REGISTRY
from services.router.core.account import Attempt, Outcome
from services.router.core.breakers import Breakers
from services.router.core.hedging import Budget
from services.router.core.latency import Latencies
from services.router.planning.flight import Flight
from tests.unit.router.requests import planned
from tests.unit.router.tries import attempt

PLAN = planned()
STREAM = replace(PLAN, streamed=True)


@dataclass(slots=True)
class World:
    """A clock and a health poll that a test sets."""

    time: float = 0.0
    sick: set[str] = field(default_factory=set)

    def monotonic(self) -> float:
        """Return the set time."""
        return self.time

    def now(self) -> datetime:
        """Return the set time as that of a wall clock."""
        return datetime.fromtimestamp(self.time, UTC)

    def ill(self, provider: str) -> bool:
        """Tell what was set."""
        return provider in self.sick

    def seen(self, provider: str) -> bool:
        """Tell the same."""
        return not self.ill(provider)


def flight(world: World) -> Flight:
    """Return one that has seen nothing."""
    return Flight(
        providers=("local", "openai"),
        latencies=Latencies(),
        budget=Budget(share=0.07, burst=2),
        breakers=Breakers(("local", "openai")),
        health=world,
        clock=world,
        stall_s=10.0,
    )


def won(seconds: float, first_s: float | None = None) -> tuple[Attempt, ...]:
    """Return the tries of a call that local answered."""
    return (attempt("local", Outcome.WON, seconds, first_s=first_s),)


@pytest.mark.spec("RTR-03")
def test_streams_are_timed_by_their_first_token_and_whole_calls_by_their_end() -> None:
    """Neither distribution reaches the other's plans."""
    learning = flight(World())
    for _ in range(20):
        learning.count(PLAN, won(2.0), 0)
        learning.count(STREAM, won(2.0, first_s=0.3), 0)
    assert learning.outlook(streamed=False).hedge_delays_s == {"smollm2-135m": 2.0}
    assert learning.outlook(streamed=True).hedge_delays_s == {"smollm2-135m": 0.3}


@pytest.mark.spec("RTR-03", "T18", "OBS-10")
def test_hedges_that_fired_use_the_budget_up() -> None:
    """Two are saved at the start; the third call goes without. The metrics show both."""
    learning = flight(World())
    for _ in range(2):
        learning.count(PLAN, (attempt("openai", Outcome.WON, 0.1),), 1)
        learning.count(PLAN, (attempt("local", Outcome.CANCELLED, 10.2),), 0)
    assert not learning.outlook(streamed=False).may_hedge
    assert REGISTRY.get_sample_value("magistrate_route_hedge_budget") == pytest.approx(0.14)
    assert (REGISTRY.get_sample_value("magistrate_route_hedges_total", {"provider": "local"}) or 0) >= 2


@pytest.mark.spec("RTR-17", "PRV-17", "OBS-10")
def test_stalls_that_were_overtaken_send_a_provider_away() -> None:
    """Five in a row; the metric says open, and half open when its minute is over."""
    world = World()
    learning = flight(world)
    for _ in range(5):
        learning.count(PLAN, (attempt("local", Outcome.CANCELLED, 10.2),), 0)
    labels = {"service": "router", "dependency": "local"}
    assert learning.outlook(streamed=False).away == {"local"}
    assert REGISTRY.get_sample_value("magistrate_circuit_breaker_state", labels) == 1
    world.time = 60.0
    assert learning.outlook(streamed=False).away == frozenset()
    assert REGISTRY.get_sample_value("magistrate_circuit_breaker_state", labels) == 2


@pytest.mark.spec("RTR-17")
def test_an_ill_provider_is_passed_over_unless_nobody_else_is_left() -> None:
    """A health check is a hint: it never refuses a call by itself."""
    world = World(sick={"local"})
    learning = flight(world)
    assert learning.outlook(streamed=False).away == {"local"}
    world.sick = {"local", "openai"}
    assert learning.outlook(streamed=False).away == frozenset()
