"""What every test of the evaluator stands on."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.context.adapters.minilm import MiniLm
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool

if TYPE_CHECKING:  # these exist only in the stubs
    pass
from tests.contract.evaluator.room import Embeddings, Room, running


@pytest.fixture(scope="session")
def model() -> MiniLm:
    """Load the embedding model once."""
    return MiniLm()


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Give a database with the evaluator's schema and role."""
    with fresh_database(postgres, migrations_of=["evaluator"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Log in to an empty schema as the evaluator's own role."""
    async with room_pool(database, "evaluator", empty=["reviews"]) as opened:
        yield opened


@pytest.fixture
async def room(model: MiniLm, pool: asyncpg.Pool) -> AsyncIterator[Room]:
    """Serve the evaluator before the embedding service and the database."""
    async with running(Embeddings(model), pool) as served:
        yield served
