"""A router in this process before a real provider service, a fake vendor and a real ledger."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import httpx

from magistrate.common.v1 import task_pb2
from magistrate.provider.v1.provider_pb2_grpc import add_ProviderServiceServicer_to_server
from magistrate.router.v1 import router_pb2 as pb
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub, add_RouterServiceServicer_to_server
from services.chassis import call
from services.chassis.call import Principal
from services.chassis.client import MeshChannel
from services.chassis.clock import Clock, RandomIds, SystemClock
from services.chassis.testing import Registration, serving
from services.router.adapters.attempts import AdapterWitness
from services.router.adapters.files import CATALOGUE, TEMPLATES, read_catalogue, read_templates
from services.router.adapters.ledger import PostgresAccounts, PostgresLedger
from services.router.adapters.meter import PrometheusMeter
from services.router.adapters.poll import HealthPoll
from services.router.adapters.route import HedgedRoute
from services.router.booking import Allowance, Bookkeeper, Spawn
from services.router.core.plan import Policy
from services.router.core.request import Limits
from services.router.core.spend.limits import Budgets, Limit, TenantLimits
from services.router.costs import Costs
from services.router.dispatch import Dispatcher
from services.router.inquest import Inquest
from services.router.lookout import Watch
from services.router.planner import Planner
from services.router.reconciler import Reconciler
from services.router.remaining import Remaining
from services.router.servicer import RouterServicer
from services.router.streaming import Streamer
from tests.fakes.vendors import Answer, FakeVendor, Step
from tests.unit.provider.wiring import servicer

if TYPE_CHECKING:
    from magistrate.router.v1.router_pb2_grpc import RouterServiceAsyncStub

Stub: TypeAlias = "RouterServiceAsyncStub"
USER = Principal(tenant="acme", subject="ada", roles=("user",))
UNLIMITED = Budgets(default=TenantLimits(tenant=Limit(), user=Limit()))
DEFAULTS = Limits()
ADMIN = Principal(tenant="acme", subject="root", roles=("admin",))


@dataclass(slots=True, kw_only=True)
class Background:
    """Work that outlives its call, as the runtime runs it; a test waits for all of it."""

    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first of it began."""
    dead: bool = False
    """Whether nothing that is begun now is carried out, as in a process that was killed."""

    def spawner(self) -> Spawn:
        """Return what the dispatcher takes."""

        def spawn(coro, *, name):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - the port has the types
            if self.dead:
                coro.close()
                return asyncio.get_running_loop().create_future()
            task = asyncio.get_running_loop().create_task(coro, name=name)
            self.tasks.add(task)
            self.began.set()
            return task

        return spawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """A router, and what stands behind it."""

    stub: Stub
    poll: HealthPoll
    vendor: FakeVendor
    pool: asyncpg.Pool
    background: Background
    reconciler: Reconciler
    remaining: Remaining

    async def ledger(self) -> list[asyncpg.Record]:
        """Return every row once all booking is done."""
        await asyncio.gather(*self.background.tasks, return_exceptions=True)
        return await self.pool.fetch("select * from spend order by started_at, attempt")


@asynccontextmanager
async def provider(vendor: FakeVendor, name: str) -> AsyncIterator[MeshChannel]:
    """Serve one provider in this process."""
    async with httpx.AsyncClient(trust_env=False) as client:
        wired = servicer(name, client, vendor.base_url, remaining_s=call.remaining_s)
        registration = Registration(
            add_ProviderServiceServicer_to_server, wired, "magistrate.provider.v1.ProviderService"
        )
        async with serving([registration]) as channel:
            yield channel


@asynccontextmanager
async def mesh(
    pool: asyncpg.Pool,
    *script: Step,
    order: tuple[str, ...] = ("openai",),
    principal: Principal = USER,
    limits: Limits = DEFAULTS,
    budgets: Budgets = UNLIMITED,
    hold: timedelta = timedelta(seconds=60),
    clock: Clock | None = None,
) -> AsyncIterator[Mesh]:
    """Serve a router whose way out leads straight to the provider; Envoy's part is proved by the tests of the mesh."""
    background = Background()
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(FakeVendor(script=script or (Answer(),)))
        channel = await stack.enter_async_context(provider(vendor, order[0]))
        poll = HealthPoll(channel, order, interval_s=5.0)
        providers = HedgedRoute(channel, timeout_s=5.0)
        clock, meter, ledger = clock or SystemClock(), PrometheusMeter(), PostgresLedger(pool)
        remaining = Remaining(clock=clock)
        planner = Planner(
            policy=Policy(providers=order, hedge_delay_s=10.0, limits=limits),
            catalogue=read_catalogue(CATALOGUE),
            templates=read_templates(TEMPLATES),
            lookout=Watch(remaining=remaining),
            providers=providers,
        )
        inquest = Inquest(ledger=ledger, witness=AdapterWitness(channel), pauses_s=(0.02, 0.05, 0.1, 0.2))
        books = Bookkeeper(
            ledger=ledger,
            inquest=inquest,
            allowance=Allowance(budgets=budgets, request_micro_usd=limits.micro_usd, hold=hold),
            watchers=(meter,),
            tills=(meter, remaining),
            clock=clock,
            ids=RandomIds(),
            spawn=background.spawner(),
        )
        servicer = RouterServicer(
            planner=planner,
            generator=Dispatcher(providers=providers, books=books),
            streamer=Streamer(providers=providers, books=books),
            health=poll,
            costs=Costs(accounts=PostgresAccounts(pool=pool), budgets=budgets, clock=clock),
        )
        registration = Registration(add_RouterServiceServicer_to_server, servicer, "magistrate.router.v1.RouterService")
        way_in = await stack.enter_async_context(serving([registration], principal=principal))
        yield Mesh(
            stub=RouterServiceStub(way_in),
            poll=poll,
            vendor=vendor,
            pool=pool,
            background=background,
            remaining=remaining,
            reconciler=Reconciler(ledger=ledger, inquest=inquest, interval_s=60),
        )
        await asyncio.gather(*background.tasks, return_exceptions=True)


def routing(query: str = "How many days of leave do I have?", **fields: object) -> pb.RoutingRequest:
    """Return a good request, or one with fields changed."""
    request = pb.RoutingRequest(
        query=query,
        domain=task_pb2.DOMAIN_GENERAL,
        task_type=task_pb2.TASK_TYPE_ANALYSIS,
        decision_id="decision-1",
    )
    for name, value in fields.items():
        setattr(request, name, value)
    return request
