"""A router in this process before a real provider service, a fake vendor and a real ledger."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
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
from services.chassis.errors import unavailable
from services.chassis.redis import RedisSettings
from services.chassis.testing import Registration, serving
from services.router.adapters.attempts import AdapterWitness
from services.router.adapters.board import Board
from services.router.adapters.contests import PostgresContests
from services.router.adapters.evidence import letter, testify
from services.router.adapters.files import CATALOGUE, TEMPLATES, read_catalogue, read_templates
from services.router.adapters.ledger import PostgresAccounts, PostgresLedger
from services.router.adapters.meter import PrometheusMeter
from services.router.adapters.poll import HealthPoll
from services.router.adapters.route import HedgedRoute
from services.router.answering.dispatch import Dispatcher
from services.router.answering.finishing import Finisher, StreamFinisher
from services.router.answering.streaming import Streamer
from services.router.answering.voting import Voter
from services.router.caching import rules as caching_rules
from services.router.caching.assembly import Caches, World, open_caches
from services.router.championing.championship import Championship
from services.router.championing.scorekeeper import Scorekeeper
from services.router.core.champion.contest import Rules
from services.router.core.outlook import Outlook
from services.router.core.plan import Policy
from services.router.core.request import CacheUse, Limits, Request
from services.router.core.spend.limits import Budgets, Limit, TenantLimits
from services.router.planning.lookout import Watch
from services.router.planning.planner import Planner
from services.router.planning.remaining import Remaining
from services.router.ports import Embedding, Lookout, Spawn
from services.router.servicer import RouterServicer
from services.router.servicer.caches import CacheCalls
from services.router.servicer.champions import ChampionCalls
from services.router.spending.booking import Allowance, Bookkeeper
from services.router.spending.costs import Costs
from services.router.spending.inquest import Inquest
from services.router.spending.reconciler import Reconciler
from tests.fakes.vendors import Answer, FakeVendor, Step
from tests.unit.provider.wiring import servicer

if TYPE_CHECKING:
    from magistrate.router.v1.router_pb2_grpc import RouterServiceAsyncStub

RULES = Rules(models=frozenset({"small", "large", "other"}))
Stub: TypeAlias = "RouterServiceAsyncStub"
UNCACHED = caching_rules.Rules(use=CacheUse.BYPASS)
NO_REDIS = RedisSettings(socket="/nonexistent/redis.sock", timeout_s=0.25)
"""Where no Redis is."""
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

    async def done(self, name: str) -> None:
        """Wait for all that was begun as ``name``."""
        await asyncio.gather(*(task for task in self.tasks if task.get_name() == name))

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
    caches: Caches
    caching: Background
    """What the caches do behind replies; their loops never end."""

    async def booked(self) -> None:
        """Wait until all booking is done."""
        await asyncio.gather(*self.background.tasks, return_exceptions=True)

    async def ledger(self) -> list[asyncpg.Record]:
        """Return every row once all booking is done."""
        await self.booked()
        return await self.pool.fetch("select * from spend order by started_at, attempt")


@dataclass(frozen=True, slots=True)
class Sight:
    """A lookout that sees what the test says."""

    outlook: Outlook

    async def look(self, _request: Request, *, dry: bool = False) -> Outlook:
        """Return it."""
        return self.outlook


@dataclass(frozen=True, slots=True)
class NoMeaning:
    """An embedding model that is away."""

    async def embed(self, _texts: Sequence[str]) -> Sequence[Embedding]:
        """Say so."""
        raise unavailable("EMBEDDING_UNAVAILABLE", "it is away")


class Pace:
    """What was measured of one model."""

    def first_tokens_s(self) -> Mapping[str, float]:
        """Return it."""
        return {"gpt-4o-mini": 0.4}


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
    rules: Rules = RULES,
    lookout: Lookout | None = None,
    cache_rules: caching_rules.Rules = UNCACHED,
    redis: RedisSettings = NO_REDIS,
    embedding: MeshChannel | None = None,
) -> AsyncIterator[Mesh]:
    """Serve a router whose way out leads straight to the provider, and which caches nothing unless told."""
    background = Background()
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(FakeVendor(script=script or (Answer(),)))
        channel = await stack.enter_async_context(provider(vendor, order[0]))
        poll = HealthPoll(channel, order, interval_s=5.0)
        providers = HedgedRoute(channel, timeout_s=5.0)
        clock, ledger = clock or SystemClock(), PostgresLedger(pool, testify=testify)
        remaining, contests = Remaining(clock=clock), PostgresContests(pool, letter=letter)
        board = Board(contests, interval_s=60)
        planner = _planner(
            order, limits, providers, lookout or Watch(remaining=remaining, board=board, dice=lambda: 1.0)
        )
        inquest = Inquest(ledger=ledger, witness=AdapterWitness(channel), pauses_s=(0.02, 0.05, 0.1, 0.2))
        allowance = Allowance(budgets=budgets, request_micro_usd=limits.micro_usd, hold=hold)
        books = _books(inquest, allowance, remaining, clock, background.spawner())
        behind = Background()
        voter = _voter(Dispatcher(providers=providers, books=books))
        championship = _championship(contests, board, rules)
        faults = Scorekeeper(championship=championship, clock=clock, spawn=background.spawner())
        streamer = StreamFinisher(streams=Streamer(providers=providers, books=books, faults=faults))
        world = _world(redis, pool, embedding or channel, behind)
        caches = await stack.enter_async_context(open_caches(cache_rules, world, generator=voter, streams=streamer))
        servicer = RouterServicer(
            planner=planner,
            generator=caches.generator,
            streamer=caches.streams,
            health=poll,
            pace=Pace(),
            costs=Costs(accounts=PostgresAccounts(pool=pool), budgets=budgets, clock=clock),
            champions=ChampionCalls(championship=championship, clock=SystemClock()),
            caches=CacheCalls(epochs=caches.epochs, tally=caches.tally, forgetting=caches.forgetting),
        )
        stub = await stack.enter_async_context(_served(servicer, principal))
        yield Mesh(
            stub=stub,
            poll=poll,
            vendor=vendor,
            pool=pool,
            background=background,
            remaining=remaining,
            reconciler=Reconciler(ledger=ledger, inquest=inquest, interval_s=60),
            caches=caches,
            caching=behind,
        )
        await asyncio.gather(*background.tasks, return_exceptions=True)


def _planner(order: tuple[str, ...], limits: Limits, providers: HedgedRoute, lookout: Lookout) -> Planner:
    return Planner(
        policy=Policy(providers=order, hedge_delay_s=10.0, limits=limits),
        catalogue=read_catalogue(CATALOGUE),
        templates=read_templates(TEMPLATES),
        lookout=lookout,
        providers=providers,
    )


def _world(redis: RedisSettings, pool: asyncpg.Pool, channel: MeshChannel, behind: Background) -> World:
    return World(redis=redis, pool=pool, channel=channel, clock=SystemClock(), ids=RandomIds(), spawn=behind.spawner())


def _books(inquest: Inquest, allowance: Allowance, remaining: Remaining, clock: Clock, spawn: Spawn) -> Bookkeeper:
    meter = PrometheusMeter()
    return Bookkeeper(
        ledger=inquest.ledger,
        inquest=inquest,
        allowance=allowance,
        watchers=(meter,),
        tills=(meter, remaining),
        clock=clock,
        ids=RandomIds(),
        spawn=spawn,
    )


@asynccontextmanager
async def _served(servicer: RouterServicer, principal: Principal) -> AsyncIterator[Stub]:
    registration = Registration(add_RouterServiceServicer_to_server, servicer, "magistrate.router.v1.RouterService")
    async with serving([registration], principal=principal) as way_in:
        yield RouterServiceStub(way_in)


def _voter(dispatcher: Dispatcher) -> Voter:
    return Voter(generator=Finisher(generator=dispatcher), embedder=NoMeaning(), timeout_s=5.0, similarity=0.8)


def _championship(contests: PostgresContests, board: Board, rules: Rules) -> Championship:
    return Championship(contests=contests, rules=rules, announcers=(board,), clock=SystemClock(), ids=RandomIds())


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
