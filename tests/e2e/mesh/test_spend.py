"""Spend through the real mesh, and through its faults: nothing is billed twice, nothing is lost, nothing stays held."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from magistrate.common.v1.usage_pb2 import ATTEMPT_OUTCOME_CANCELLED, ATTEMPT_OUTCOME_WON
from magistrate.engine.v1.engine_pb2 import DecideRequest
from magistrate.router.v1.router_pb2 import GetCostSummaryRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tests.e2e.mesh.faults import assert_clear
from tests.e2e.mesh.load import load
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Failure, Mesh, question, serving_mesh
from tests.fakes.vendors import Answer, Silence
from tools.up.database import DATABASE
from tools.up.postgres import login

BEFORE = 15
POOR, POOR_MICRO_USD = "poor", 40
CATALOGUE = """
models:
  - name: fake-model
    provider: local
    tier: fast
    context_tokens: 8192
    input_micro_usd_per_million: 150000
    output_micro_usd_per_million: 600000
"""
BUDGETS = f"""
tenant: {{micro_usd: 100000000}}
user: {{}}
tenants:
  {POOR}: {{micro_usd: {POOR_MICRO_USD}}}
"""


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Yield a mesh whose one provider costs money, whose calls are short, and whose holds are settled soon."""
    folder = Path(tmp_path_factory.mktemp("prices"))
    budgets, catalogue = folder / "budgets.yaml", folder / "catalogue.yaml"
    budgets.write_text(BUDGETS)
    catalogue.write_text(CATALOGUE)
    with serving_mesh(
        "local",
        MAGISTRATE_ROUTER_CATALOGUE_FILE=str(catalogue),
        MAGISTRATE_ROUTER_ROUTE_TIMEOUT_S="4",
        MAGISTRATE_ROUTER_HOLD_GRACE_S="0.5",
        MAGISTRATE_ROUTER_RECONCILE_INTERVAL_S="0.2",
        MAGISTRATE_ROUTER_BUDGETS_FILE=str(budgets),
    ) as mesh:
        yield mesh


def asked(mesh: Mesh, statement: str) -> list[DictRow]:
    """Return what the router's own role finds in its schema."""
    record = mesh.stack.record
    conninfo = login(record.ports["postgres"], DATABASE, "router", mesh.stack.folder.secret("postgres-router"))
    with psycopg.connect(conninfo, row_factory=dict_row) as connection:
        return connection.execute(statement.encode()).fetchall()


async def settled(mesh: Mesh) -> None:
    """Wait until nothing is held any more."""
    await asyncio.to_thread(
        mesh.stack.until, lambda: not asked(mesh, "select 1 from router.hold"), "holds to be settled"
    )


def rows(mesh: Mesh) -> list[DictRow]:
    """Return the ledger, oldest first."""
    return asked(mesh, "select * from router.spend order by started_at, call_id, attempt")


def assert_counters(mesh: Mesh) -> None:
    """Check that every counter is the sum of its rows, and that nothing is held."""
    counters = asked(
        mesh, "select tenant, day, spent_micro_usd, held_micro_usd from router.budget where scope='tenant'"
    )
    sums = asked(mesh, "select tenant, day, sum(micro_usd)::bigint as spent from router.spend group by tenant, day")
    spent = {(row["tenant"], row["day"]): row["spent"] for row in sums}
    for counter in counters:
        assert counter["spent_micro_usd"] == spent.get((counter["tenant"], counter["day"]), 0)
        assert counter["held_micro_usd"] == 0


@pytest.mark.spec("T18", "RTR-03", "PRV-07")
async def test_the_cancelled_loser_is_on_the_ledger_with_what_it_had_read(mesh: Mesh, client: Client) -> None:
    """The first stays silent, the second wins: both are in the reply and on the ledger, with their own ends."""
    mesh.local.play(Silence())
    decision = await client.decide()
    await mesh.local.cancelled()
    await settled(mesh)
    booked = [row for row in rows(mesh) if row["call_id"] == decision.route.call_id]

    assert [(row["provider"], row["outcome"]) for row in booked] == [("local", "cancelled"), ("openai", "won")]
    assert booked[0]["input_tokens"] > 0
    assert [attempt.outcome for attempt in decision.route.attempts][-1] == ATTEMPT_OUTCOME_WON
    assert decision.route.attempts[0].outcome == ATTEMPT_OUTCOME_CANCELLED
    assert_counters(mesh)


@pytest.mark.spec("PRV-09", "EDG-33")
async def test_a_tenant_without_budget_is_refused_and_the_others_are_served(paid: Mesh) -> None:
    """RESOURCE_EXHAUSTED BUDGET_EXCEEDED before the vendor is asked; another tenant gets its decision."""
    paid.calm()
    async with paid.client(tenant=POOR) as poor, paid.client() as rich:
        failure = await poor.refused(DecideRequest(question=question()))
        calls = paid.local.calls
        assert (await rich.decide()).answer

    assert failure == Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "BUDGET_EXCEEDED", ())
    assert calls == 0


@pytest.mark.spec("PRV-09", "PRV-20")
async def test_a_router_that_is_killed_in_mid_call_leaves_nothing_held_and_nothing_unbilled(paid: Mesh) -> None:
    """The call's hold outlives its router, expires, and is settled with what the adapter saw: it was taken back."""
    paid.local.play(Silence())
    before = len(rows(paid))
    async with paid.client() as client:
        asking = asyncio.ensure_future(client.refused(DecideRequest(question=question())))
        await paid.local.called()
        killed = paid.stack.send("router")
        await asyncio.to_thread(paid.stack.await_replaced, "router", killed)
        await asking
    await settled(paid)

    (row,) = rows(paid)[before:]
    assert (row["outcome"], row["tenant"]) == ("cancelled", "default")
    assert row["micro_usd"] > 0
    assert_counters(paid)


@pytest.mark.spec("ENG-42")
async def test_postgresql_killed_under_load_loses_and_doubles_nothing(paid: Mesh) -> None:
    """Calls succeed or say what is away; afterwards the ledger has one row for each call that the vendor saw."""
    paid.local.play(Answer(delay_s=0.05))
    before = len(rows(paid))
    async with load(paid) as outcomes:
        for _ in range(2):
            await outcomes.more(BEFORE)
            killed = paid.stack.send("postgres")
            await asyncio.to_thread(paid.stack.await_replaced, "postgres", killed)
        await outcomes.more(BEFORE)
    await settled(paid)
    booked = rows(paid)[before:]

    assert_clear(outcomes)
    assert len(booked) == paid.local.calls
    assert len({row["call_id"] for row in booked}) == len(booked)
    released = {decision.route.call_id: decision.route.cost.micro_usd for decision in outcomes.decisions}
    assert released.items() <= {row["call_id"]: row["micro_usd"] for row in booked}.items()
    assert_counters(paid)


@pytest.mark.spec("PRV-10")
async def test_the_summary_through_the_edge_is_what_the_ledger_says(paid: Mesh) -> None:
    """An admin's view of the day equals the sum of the rows."""
    await settled(paid)
    async with paid.client() as client:
        summary = await RouterServiceStub(client.channel).GetCostSummary(
            GetCostSummaryRequest(), timeout=CALL_LIMIT_S, metadata=client.metadata
        )
    booked = [row for row in rows(paid) if row["tenant"] == "default"]

    assert summary.total.micro_usd == sum(row["micro_usd"] for row in booked)
    assert sum(model.attempts for model in summary.by_model) == len(booked)
