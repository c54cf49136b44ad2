"""The pool on a real PostgreSQL: own schema, short timeouts, one error while the server is away, and back by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.chassis.config import SecretFile
from services.chassis.errors import Kind, MeshError, WorldError
from services.chassis.metrics import REGISTRY
from services.chassis.postgres import PostgresSettings, guarded, open_pool
from tests.fakes.postgres import OWNER, Database, PostgresServer, fresh_database


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with a schema ``router`` beside ``public``."""
    with fresh_database(postgres) as fresh:
        postgres.execute("create schema router create table router.plan (id int primary key)", fresh.name)
        yield fresh


def settings(database: Database, **changes: object) -> PostgresSettings:
    """Return how the owner enters ``database``."""
    known: dict[str, object] = {
        "host": database.host,
        "port": database.port,
        "database": database.name,
        "user": OWNER,
        "password_file": SecretFile(database.password_file),
        "schema": "router",
    }
    return PostgresSettings.model_validate(known | changes)


@asynccontextmanager
async def pool(database: Database, **changes: object) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool of one connection."""
    async with open_pool(settings(database, pool_max=1, **changes)) as opened:
        yield opened


async def unavailable(opened: asyncpg.Pool, statement: str = "select 1") -> MeshError:
    """Return the error with which ``statement`` ends."""
    with pytest.raises(WorldError) as caught, guarded():
        await opened.fetchval(statement)
    return caught.value


async def test_names_without_a_schema_are_the_services_own(database: Database) -> None:
    """A service writes ``plan`` and means its own table; types of extensions in ``public`` are found too."""
    async with pool(database) as opened:
        await opened.execute("insert into plan values (1)")
        assert await opened.fetchval("select count(*) from router.plan") == 1
        assert await opened.fetchval("select '[1,2]'::vector <-> '[1,2]'::vector") == 0


async def test_a_slow_statement_is_ended_by_the_server(database: Database) -> None:
    """A statement that takes too long ends as STORE_UNAVAILABLE, and the connection is good for the next."""
    async with pool(database, statement_timeout_s=0.1) as opened:
        error = await unavailable(opened, "select pg_sleep(60)")
        assert await opened.fetchval("select 1") == 1

    assert (error.kind, error.reason, error.retry_after_s) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE", 1.0)


async def test_no_server_at_the_start_is_one_error(database: Database) -> None:
    """A service that starts before its database says what is missing."""
    with pytest.raises(WorldError) as caught:
        async with pool(database, port=1):
            pass

    assert caught.value.reason == "STORE_UNAVAILABLE"


@pytest.mark.parametrize("end", ["crash", "stop"])
async def test_the_pool_outlives_its_server(end: str, database: Database) -> None:
    """While the server is down every statement fails as STORE_UNAVAILABLE; once it is up, the same pool works."""
    async with pool(database) as opened:
        assert await opened.fetchval("select 1") == 1
        getattr(database.server, end)()
        try:
            down = [await unavailable(opened) for _ in range(3)]
        finally:
            database.server.start()

        assert await opened.fetchval("select 1") == 1
    assert {error.reason for error in down} == {"STORE_UNAVAILABLE"}


async def test_a_server_that_hangs_is_not_waited_for(database: Database) -> None:
    """A server that accepts connections but answers nothing is as good as none; afterwards the same pool works."""
    async with pool(database, pool_min=0, connect_timeout_s=0.2) as opened:
        database.server.freeze()
        try:
            error = await unavailable(opened)
        finally:
            database.server.thaw()

        assert await opened.fetchval("select 1") == 1
    assert error.reason == "STORE_UNAVAILABLE"


def test_two_writers_that_met_may_repeat() -> None:
    """A serialization failure is ABORTED, WRITE_CONFLICT: the same call may be made again."""
    with pytest.raises(WorldError) as caught, guarded():
        raise asyncpg.SerializationError("could not serialize access")

    assert (caught.value.kind, caught.value.reason) == (Kind.ABORTED, "WRITE_CONFLICT")


@pytest.mark.parametrize(
    ("statement", "arguments", "error"),
    [
        ("insert into plan values (1), (1)", [], asyncpg.UniqueViolationError),
        ("select nothing", [], asyncpg.UndefinedColumnError),
        ("select $1::int", ["text"], asyncpg.DataError),
        ("select $1::int", [], asyncpg.InterfaceError),
    ],
)
async def test_what_a_statement_says_stays_as_it_is(
    statement: str, arguments: list[object], error: type[Exception], database: Database
) -> None:
    """Conflicts of keys are the adapter's to read, and mistakes in code are never called an outage."""
    async with pool(database) as opened:
        with pytest.raises(error), guarded():
            await opened.fetchval(statement, *arguments)


async def test_a_connection_that_lost_its_place_is_an_absence() -> None:
    """The driver's own confusion, after its server was killed in mid-statement, is no fault of the caller's or ours."""
    with pytest.raises(WorldError) as caught, guarded():
        raise asyncpg.InternalClientError("cannot switch to state 2; another operation (2) is in progress")
    assert caught.value.reason == "STORE_UNAVAILABLE"


def shown(name: str, **labels: str) -> float | None:
    """Return what a metric says now."""
    return REGISTRY.get_sample_value(name, labels)


@pytest.mark.spec("REC-12")
async def test_a_hundred_users_share_the_connections_that_there_may_be(database: Database) -> None:
    """Nobody is turned away, and at no moment more are open than the limit."""
    most = 0

    async def use(opened: asyncpg.Pool) -> None:
        nonlocal most
        async with opened.acquire() as connection:
            await connection.execute("select pg_sleep(0.002)")
            most = max(most, opened.get_size())

    async with open_pool(settings(database, pool_min=2, pool_max=6)) as opened:
        assert opened.get_size() == 2
        await asyncio.gather(*(use(opened) for _ in range(100)))

        assert most == opened.get_size() == 6
        assert await opened.fetchval("select count(*) from pg_stat_activity where application_name ~ 'router'") == 6


@pytest.mark.spec("REC-12")
async def test_what_is_lent_out_is_shown_and_warned_of(database: Database) -> None:
    """Busy, idle and limit are metrics; above four fifths the log says so, once."""
    with capture_logs() as logs:
        async with open_pool(settings(database, pool_min=1, pool_max=5)) as opened, AsyncExitStack() as lent:
            for _ in range(4):
                await lent.enter_async_context(opened.acquire())
            assert logs == []
            assert shown("magistrate_pool_used_ratio", pool="router") == 0.8
            assert shown("magistrate_pool_connections", pool="router", state="busy") == 4
            await lent.enter_async_context(opened.acquire())
            assert shown("magistrate_pool_used_ratio", pool="router") == 1
            assert shown("magistrate_pool_limit", pool="router") == 5
            await lent.aclose()
            for _ in range(5):
                await lent.enter_async_context(opened.acquire())

    assert [(each["event"], each["busy"], each["limit"]) for each in logs] == [("pool_nearly_used_up", 5, 5)]


@pytest.mark.spec("REC-12")
async def test_a_closed_pool_gives_nothing_and_keeps_nothing(database: Database) -> None:
    """Every session is gone afterwards, and whoever comes too late gets an error."""
    async with open_pool(settings(database, pool_min=3, pool_max=3)) as opened:
        pass

    with pytest.raises(asyncpg.InterfaceError):
        await opened.fetchval("select 1")
    async with pool(database) as other:
        assert await other.fetchval("select count(*) from pg_stat_activity where application_name ~ 'router'") == 1
