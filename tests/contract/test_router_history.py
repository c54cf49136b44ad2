"""What the router remembers of users, on a real PostgreSQL with the router's own role."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import psycopg
import pytest

from magistrate.router.v1 import router_pb2 as pb
from services.chassis import call
from services.chassis.call import Call, Principal
from services.chassis.clock import SystemClock
from services.chassis.errors import MeshError
from services.chassis.metrics import REGISTRY
from services.router.adapters.history import PostgresHistory
from services.router.core.request import Request
from services.router.planning.lookout import Watch
from services.router.planning.memory import Memory
from services.router.planning.remaining import Remaining
from tests.contract.routing import mesh, routing
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool
from tests.unit.router.requests import asking


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Forget every user and yield the router's own pool."""
    async with room_pool(database, "router", empty=["user_history"]) as opened:
        yield opened


def enter(tenant: str = "acme", subject: str = "ada") -> None:
    """Go on as somebody."""
    call.enter(Call(principal=Principal(tenant=tenant, subject=subject)))


async def remember(memory: Memory, *scores: float) -> None:
    """Learn the scores one after the other."""
    for score in scores:
        await memory.learn(score)


def adaptive() -> Request:
    """Return a request whose strategy weighs history."""
    return asking(strategy="adaptive")


@pytest.mark.spec("RTR-14")
async def test_four_failures_of_ten_are_known_of_that_user_alone(pool: asyncpg.Pool) -> None:
    """0.6 for the user; nothing for another user, and nothing for the same name in another tenant."""
    memory = Memory(history=PostgresHistory(pool=pool), default_strategy="configured")
    enter()
    await remember(memory, *[0.9, 0.2, 0.7, 0.69, 1.0, 0.0, 0.8, 0.8, 0.1, 0.8])
    mine = await memory.success_rate(adaptive())
    enter(subject="bob")
    another = await memory.success_rate(adaptive())
    enter(tenant="other")
    elsewhere = await memory.success_rate(adaptive())

    assert (mine, another, elsewhere) == (0.6, None, None)


@pytest.mark.spec("RTR-14", "RTR-13")
async def test_bad_answers_raise_the_complexity_by_three_tenths(pool: asyncpg.Pool) -> None:
    """The plan of a user who was badly served asks for a better model, and says why."""
    memory = Memory(history=PostgresHistory(pool=pool), default_strategy="configured")
    async with mesh(pool, lookout=Watch(remaining=Remaining(clock=SystemClock()), memory=memory)) as m:
        before = await m.stub.PlanRoute(pb.PlanRouteRequest(routing=routing(strategy="adaptive")))
        enter()
        await remember(memory, *[0.9] * 6, *[0.1] * 4)
        after = await m.stub.PlanRoute(pb.PlanRouteRequest(routing=routing(strategy="adaptive")))

    assert (before.route.complexity, before.route.model) == (0.0, "gpt-4o-mini")
    assert (after.route.complexity, after.route.model) == (0.3, "gpt-4-turbo")
    assert "60% of the user's answers were good" in after.route.explanation


async def test_a_handful_of_answers_is_no_history(pool: asyncpg.Pool) -> None:
    """Four bad answers conclude nothing, the fifth does."""
    memory = Memory(history=PostgresHistory(pool=pool), default_strategy="adaptive")
    enter()
    await remember(memory, 0.0, 0.0, 0.0, 0.0)
    few = await memory.success_rate(asking())
    await remember(memory, 0.0)

    assert (few, await memory.success_rate(asking())) == (None, 0.0)


async def test_what_came_lately_counts_more(pool: asyncpg.Pool) -> None:
    """Fifty bad answers are outweighed by thirty good ones."""
    memory = Memory(history=PostgresHistory(pool=pool), default_strategy="adaptive")
    enter()
    await remember(memory, *[0.0] * 50, *[1.0] * 30)
    rate = await memory.success_rate(asking())

    assert rate is not None
    assert rate > 30 / 80


async def test_forty_reports_at_once_are_all_counted(pool: asyncpg.Pool) -> None:
    """No report overwrites another."""
    memory = Memory(history=PostgresHistory(pool=pool), default_strategy="adaptive")
    enter()
    await asyncio.gather(*(memory.learn(number % 2) for number in range(40)))

    assert [tuple(row) for row in await pool.fetch("select good, answers from user_history")] == [(20, 40)]


async def test_history_that_cannot_be_read_holds_no_plan_up(pool: asyncpg.Pool, database: Database) -> None:
    """The plan is that of a new user, it is counted, and the report says STORE_UNAVAILABLE."""
    memory = Memory(history=PostgresHistory(pool=pool), default_strategy="adaptive")
    labels = {"reason": "STORE_UNAVAILABLE"}
    before = REGISTRY.get_sample_value("magistrate_route_history_unread_total", labels) or 0
    enter()
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("alter role router connection limit 0")
        try:
            await pool.expire_connections()
            rate = await memory.success_rate(asking())
            with pytest.raises(MeshError, match="STORE_UNAVAILABLE"):
                await memory.learn(1.0)
        finally:
            owner.execute("alter role router connection limit -1")

    assert rate is None
    assert REGISTRY.get_sample_value("magistrate_route_history_unread_total", labels) == before + 1


async def test_only_a_strategy_that_weighs_history_reads_it(pool: asyncpg.Pool) -> None:
    """Any other plan costs no round trip."""
    memory = Memory(history=PostgresHistory(pool=pool), default_strategy="configured")
    await pool.close()
    enter()

    assert await memory.success_rate(asking()) is None
    assert await memory.success_rate(asking(strategy="cost")) is None
    assert await memory.success_rate(asking(strategy="adaptive", model="gpt-4", roles=("admin",))) is None
