"""Three routers on one budget, of which one is killed while it has calls in flight."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import LiteralString

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from magistrate.common.v1 import task_pb2
from magistrate.provider.v1.provider_pb2_grpc import add_ProviderServiceServicer_to_server
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.call import Principal
from services.chassis.errors import MeshError
from services.chassis.server import MeshServer, Registration
from tests.contract.providing import SERVICE
from tests.e2e.champion.process import Replica, Stub
from tests.fakes.mesh import until
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tests.fakes.vendors import Answer, FakeVendor, Silence
from tests.unit.provider.wiring import servicer

LIMIT = 2_000
"""Micro-dollars of the tenant's day: enough for some calls, soon used up."""
USERS = DEAD, *_ = ("zero", "one", "two")
"""One at each router; the first one's router dies."""
CALL = pb.GenerateRequest(
    routing=pb.RoutingRequest(
        query="How many days of leave do I have?",
        domain=task_pb2.DOMAIN_GENERAL,
        task_type=task_pb2.TASK_TYPE_ANALYSIS,
        cache_use=pb.CACHE_USE_BYPASS,
    )
)
SETTLED_S = 90.0
"""A survivor that meets an adapter which is away looks again after its lease of 30 s."""


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the owner of the database sees and does."""

    database: Database

    def read(self, statement: LiteralString) -> list[DictRow]:
        """Return rows."""
        with psycopg.connect(self.database.owner_dsn, row_factory=dict_row) as owner:
            return owner.execute(statement).fetchall()

    def counters(self) -> tuple[int, int]:
        """Return what the tenant has spent and what is held for it."""
        (row,) = self.read("select spent_micro_usd, held_micro_usd from router.budget where scope = 'tenant'")
        return row["spent_micro_usd"], row["held_micro_usd"]

    def holds(self) -> list[DictRow]:
        """Return the calls in flight: whose they are, and what each has set aside."""
        return self.read("select subject, micro_usd from router.hold")

    async def released(self) -> None:
        """Wait until nothing is held any more."""

        async def settled() -> bool:
            return not self.holds()

        await until(settled, SETTLED_S)

    def expire(self) -> None:
        """Let the time of all holds be over."""
        with psycopg.connect(self.database.owner_dsn) as owner:
            owner.execute("update router.hold set expires_at = now()")


@asynccontextmanager
async def adapter(vendor: FakeVendor, folders: Sequence[Path]) -> AsyncIterator[None]:
    """Let one adapter, with one memory, stand where the ways out of all routers lead."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        inside = servicer("openai", client, vendor.base_url)
        for folder in folders:
            server = MeshServer([Registration(add_ProviderServiceServicer_to_server, inside, SERVICE)], pending={})
            await server.start(folder / "router-egress.sock")
            stack.push_async_callback(server.drain, delay_s=0, grace_s=5)
            await server.ready()
        yield


@asynccontextmanager
async def routers(folders: Sequence[Path], database: Database, budgets: Path) -> AsyncIterator[list[Replica]]:
    """Yield a router in each folder; their holds do not expire by themselves while the test runs."""
    settings = {
        "MAGISTRATE_ROUTER_PROVIDERS": "openai",
        "MAGISTRATE_ROUTER_MODELS": "openai=gpt-4o-mini",
        "MAGISTRATE_ROUTER_BUDGETS_FILE": str(budgets),
        "MAGISTRATE_ROUTER_HOLD_GRACE_S": "600",
        "MAGISTRATE_ROUTER_RECONCILE_INTERVAL_S": "0.1",
    }
    async with AsyncExitStack() as stack:
        started = []
        for folder in folders:
            router = Replica(name="router", run_dir=folder, database=database, schema="router", settings=settings)
            await router.launch()
            stack.push_async_callback(router.kill)
            started.append(router)
        for router in started:
            await router.ready()
        yield started


async def ask(stub: Stub) -> pb.GenerateResponse:
    """Ask, as a coroutine that a task can run."""
    return await stub.Generate(CALL)


async def refusal(asking: Awaitable[pb.GenerateResponse]) -> str:
    """Return the reason for which a call is not let through."""
    with pytest.raises(MeshError) as caught:
        await asking
    return caught.value.reason


async def fill(stubs: Sequence[Stub], vendor: FakeVendor) -> list[list["asyncio.Task[pb.GenerateResponse]"]]:
    """Ask the routers in turn until the budget lets nobody through; return the calls of each that are in flight."""
    calls: list[list[asyncio.Task[pb.GenerateResponse]]] = [[] for _ in stubs]
    for stub, mine in cycle(zip(stubs, calls, strict=True)):
        seen, call = vendor.count, asyncio.create_task(ask(stub))

        async def known(seen: int = seen, call: "asyncio.Task[pb.GenerateResponse]" = call) -> bool:
            return vendor.count > seen or call.done()

        await until(known)
        if call.done():
            assert await refusal(call) == "BUDGET_EXCEEDED"
            break
        mine.append(call)
    return calls


@pytest.mark.spec("PRV-09", "C14", "PRV-20")
@pytest.mark.parametrize("remembered", [True, False], ids=["adapter-remembers", "adapter-started-anew"])
async def test_a_killed_router_s_holds_stand_until_a_survivor_settles_them(
    tmp_path: Path, database: Database, *, remembered: bool
) -> None:
    """Nobody spends what the dead router's calls may cost; afterwards each call is billed once, as its adapter tells.

    Where the adapter remembers, it is what the vendor had read. Where it was started anew, nobody knows, and the whole
    reservation is charged.
    """
    ledger, budgets = Ledger(database), tmp_path / "budgets.yaml"
    budgets.write_text(f"tenant: {{micro_usd: {LIMIT}}}\nuser: {{}}\n")
    folders = [tmp_path / user for user in USERS]
    for folder in folders:
        folder.mkdir()
    async with AsyncExitStack() as stack, AsyncExitStack() as memory:
        vendor = await stack.enter_async_context(FakeVendor(script=(Silence(),)))
        await memory.enter_async_context(adapter(vendor, folders))
        started = await stack.enter_async_context(routers(folders, database, budgets))
        stubs = [
            await stack.enter_async_context(router.client(Principal(tenant="acme", subject=user, roles=("user",))))
            for router, user in zip(started, USERS, strict=True)
        ]
        calls = await fill(stubs, vendor)
        reserved = ledger.holds()
        (whole,) = {hold["micro_usd"] for hold in reserved}
        assert len(reserved) == sum(map(len, calls))

        await started[0].kill()
        await asyncio.gather(*calls[0], return_exceptions=True)
        assert [await refusal(ask(stub)) for stub in stubs[1:]] == ["BUDGET_EXCEEDED"] * 2

        for call in (*calls[1], *calls[2]):
            call.cancel()
        assert [hold["subject"] for hold in ledger.holds()].count(DEAD) == len(calls[0])

        if not remembered:
            await memory.aclose()
            await memory.enter_async_context(adapter(vendor, folders))
        ledger.expire()
        await ledger.released()
        rows = ledger.read("select call_id, subject, outcome, micro_usd from router.spend")
        counters = ledger.counters()
        vendor.restart([Answer()])
        assert (await ask(stubs[1])).text

    assert len({row["call_id"] for row in rows}) == len(rows) == len(reserved)
    assert counters == (sum(row["micro_usd"] for row in rows), 0)
    assert 0 < counters[0] <= LIMIT
    dead = [row for row in rows if row["subject"] == DEAD]
    assert {row["outcome"] for row in dead} == {"cancelled" if remembered else "unknown"}
    assert {row["micro_usd"] == whole for row in dead} == {not remembered}
