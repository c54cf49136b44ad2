"""What the room's counters say of tries, cost, fallbacks and budgets."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.chassis.metrics import REGISTRY
from services.router.adapters.meter import MOST_TENANTS, ChampionMeter, PrometheusMeter
from services.router.core.account import Attempt, Outcome
from services.router.core.champion.contest import Contest
from services.router.core.champion.report import Arena, Report
from services.router.core.request import Domain, Task
from services.router.core.spend.limits import Ceilings, Limit
from services.router.core.spend.refusal import Dimension, Refusal, Scope
from services.router.core.spend.reservation import Grant, Payer, Reservation, claims_of
from services.router.ports import Amendment
from tests.unit.router.champion import NOW
from tests.unit.router.requests import SPAN, planned
from tests.unit.router.tries import attempt

PLAN = planned()
"""Asks local first, then openai."""
CLAIMS = claims_of(PLAN, 500_000)
WON = attempt("openai", Outcome.WON, 1)


def value(name: str, **labels: str) -> float:
    """Return what is measured now."""
    return REGISTRY.get_sample_value(f"magistrate_{name}", labels) or 0.0


def reservation(tenant: str) -> Reservation:
    """Return a call of ``tenant`` that asks to be let through."""
    payer = Payer(tenant=tenant, subject="ada", decision_id="d", day=SPAN.started_at.date())
    ceilings = Ceilings(tenant=Limit(), user=Limit())
    return Reservation(
        call_id="c", payer=payer, claims=CLAIMS, ceilings=ceilings, started_at=NOW, hold=timedelta(seconds=1)
    )


def grant(room: int | None, *providers: str) -> Grant:
    """Return what was set aside, with so much left for the tenant."""
    return Grant(providers=providers, room_micro_usd=room, tenant_room_micro_usd=room, tenant_held_micro_usd=7)


@pytest.mark.spec("PRV-07", "OBS-05")
def test_every_try_is_counted_with_its_tokens_and_its_cost() -> None:
    """Also the one that lost: it was paid."""
    model = {"provider": "openai", "model": WON.model.name}
    names = {
        "route_attempts_total": {"outcome": "cancelled"},
        "llm_tokens_total": {"direction": "input"},
        "llm_cost_micro_usd_total": {},
    }
    before = {name: value(name, **model, **labels) for name, labels in names.items()}
    lost = replace(WON, outcome=Outcome.CANCELLED, micro_usd=5, usage=replace(WON.usage, input_tokens=30))
    PrometheusMeter().count(PLAN, (lost, replace(lost, outcome=Outcome.WON)), 0)

    added = {name: value(name, **model, **labels) - before[name] for name, labels in names.items()}
    assert added == {"route_attempts_total": 1, "llm_tokens_total": 60, "llm_cost_micro_usd_total": 10}


@pytest.mark.spec("RTR-05")
@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (attempt("local", Outcome.FAILED, 1, reason="PROVIDER_UNAVAILABLE"), "PROVIDER_UNAVAILABLE"),
        (attempt("local", Outcome.FAILED, 1, first_s=0.1, reason="STREAM_BROKEN"), "STREAM_BROKEN"),
        (attempt("local", Outcome.CANCELLED, 10), "slow"),
        (None, "unknown"),
    ],
    ids=["failed", "broke off", "overtaken", "not known yet"],
)
def test_a_fallback_is_counted_with_its_reason(first: Attempt | None, reason: str) -> None:
    """From whom, to whom, and what the first one's try ended with."""
    labels = {"from": "local", "to": "openai", "reason": reason}
    before = value("route_fallbacks_total", **labels)
    PrometheusMeter().count(PLAN, (*([first] if first else []), WON), 0)

    assert value("route_fallbacks_total", **labels) == before + 1


@pytest.mark.spec("RTR-05")
def test_an_answer_of_the_first_is_no_fallback() -> None:
    """Nor is a call that nobody answered."""
    counted = [metric for metric in REGISTRY.collect() if metric.name == "magistrate_route_fallbacks"]
    before = [sample for metric in counted for sample in metric.samples]
    meter = PrometheusMeter()
    meter.count(PLAN, (attempt("local", Outcome.WON, 1), attempt("openai", Outcome.CANCELLED, 1)), 0)
    meter.count(PLAN, (attempt("local", Outcome.FAILED, 1), attempt("openai", Outcome.FAILED, 1)), 0)

    counted = [metric for metric in REGISTRY.collect() if metric.name == "magistrate_route_fallbacks"]
    assert [sample for metric in counted for sample in metric.samples] == before


@pytest.mark.spec("PRV-09", "OBS-05")
def test_budgets_show_what_is_set_aside_left_and_refused() -> None:
    """Of those providers only that were let through; a limit that was overrun leaves nothing, not less."""
    meter, before = PrometheusMeter(), value("budget_reserved_micro_usd_total")
    meter.granted(reservation("meter-acme"), grant(1_000, "openai"))
    assert value("budget_reserved_micro_usd_total") - before == CLAIMS[1].micro_usd
    assert value("budget_held_micro_usd", tenant="meter-acme") == 7
    assert value("budget_remaining_micro_usd", tenant="meter-acme") == 1_000

    refusals = value("budget_refusals_total", scope="user", dimension="tokens")
    refused = Refusal(
        scope=Scope.USER,
        dimension=Dimension.TOKENS,
        limit=10,
        remaining=0,
        room_micro_usd=None,
        tenant_room_micro_usd=-3,
    )
    meter.refused(reservation("meter-acme"), refused)
    assert value("budget_refusals_total", scope="user", dimension="tokens") == refusals + 1
    assert value("budget_remaining_micro_usd", tenant="meter-acme") == 0


@pytest.mark.spec("OBS-05")
def test_no_number_of_tenants_makes_metrics_grow_without_end() -> None:
    """Whoever comes beyond the bound is let through like the others, without a gauge."""
    meter = PrometheusMeter()
    for number in range(MOST_TENANTS + 1):
        meter.granted(reservation(f"meter-{number}"), grant(1_000 + number, "openai"))

    last = MOST_TENANTS - 1
    assert value("budget_remaining_micro_usd", tenant=f"meter-{last}") == 1_000 + last
    assert REGISTRY.get_sample_value("magistrate_budget_held_micro_usd", {"tenant": f"meter-{MOST_TENANTS}"}) is None


@pytest.mark.spec("RTR-07")
@pytest.mark.parametrize(("heuristic", "counts"), [(False, "yes"), (True, "no")])
def test_a_score_is_counted_by_whether_it_counts(heuristic: bool, counts: str) -> None:
    """By field, task and model."""
    arena = Arena(tenant="acme", domain=Domain.GENERAL, task=Task.ANALYSIS)
    report = Report(
        decision_id="d",
        model="meter-model",
        score=0.5,
        propensity=1.0,
        champion_version=0,
        heuristic=heuristic,
        fell_back=False,
        at=NOW,
    )
    labels = {"domain": "general", "task": "analysis", "model": "meter-model", "counts": counts}
    before = value("champion_scores_total", **labels)
    ChampionMeter().amended(arena, Amendment(contest=Contest(), report=report))

    assert value("champion_scores_total", **labels) == before + 1
