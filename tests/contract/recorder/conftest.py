"""Databases, keys and clients for the tests of RecorderService."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.chassis.call import Principal
from tests.contract.recorder.client import Stub, calling, recording
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.verify.keys import generate


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the recorder's schema."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Make the recorder's keys."""
    generate(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def shared(postgres: PostgresServer) -> Iterator[Database]:
    """Yield one database for all tests that need no more than a tenant of their own."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.fixture
async def stub(shared: Database, keys: Path) -> AsyncIterator[Stub]:
    """Yield a client of a new tenant."""
    principal = Principal(tenant=f"tenant-{secrets.token_hex(4)}", subject="tester", roles=("admin",))
    async with recording(shared, keys) as recorder, calling(recorder, principal) as client:
        yield client


@pytest.fixture
async def acme(database: Database, keys: Path) -> AsyncIterator[Stub]:
    """Yield a client of tenant acme, the only one in a database of its own."""
    async with recording(database, keys) as recorder, calling(recorder) as client:
        yield client
