"""A real PostgreSQL and a real Valkey for the router's caches."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool
from tests.fakes.valkey import ValkeyServer, looking_into, valkey_server


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Empty the tables and yield the router's own pool."""
    async with room_pool(
        database, "router", empty=["spend", "cache_epochs", "cache_marks", "cache_questions"]
    ) as opened:
        yield opened


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """Yield an empty server."""
    with valkey_server() as server:
        yield server


@pytest.fixture
async def redis(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    """Yield a client of the test's own."""
    async with looking_into(valkey) as client:
        yield client
