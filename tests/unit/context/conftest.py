"""Fixtures of the context tests: a fresh real database, embedders, and a clock that stands still."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from services.context.adapters.embedding import BatchingEmbedder, VectorCache, open_embedder
from services.context.adapters.hashing import HashingModel
from services.context.adapters.minilm import MiniLm
from services.context.adapters.postgres import PostgresStore
from services.context.ingestor import Ingestor
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool


@dataclass(slots=True)
class StillClock:
    """A clock that moves only when told."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the wall clock time."""
        return self.at

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return self.at.timestamp()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> StillClock:
    """Return a clock that stands still."""
    return StillClock()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the migrations of this room."""
    with fresh_database(postgres, migrations_of=["context"]) as fresh:
        yield fresh


@pytest.fixture
async def store(database: Database) -> AsyncIterator[PostgresStore]:
    """Yield the knowledge store as the service's own role sees it."""
    async with room_pool(database, "context") as pool:
        yield PostgresStore(pool)


@pytest.fixture
async def embedder(clock: StillClock) -> AsyncIterator[BatchingEmbedder]:
    """Yield a fast embedder: hashed words, so that equal words are near and tests are exact."""
    async with open_embedder(HashingModel(), VectorCache(clock, entries=100, ttl_s=60)) as one:
        yield one


@pytest.fixture(scope="session")
def minilm() -> MiniLm:
    """Return the real model, loaded once."""
    return MiniLm()


@pytest.fixture
async def real_embedder(minilm: MiniLm, clock: StillClock) -> AsyncIterator[BatchingEmbedder]:
    """Yield an embedder over the real model."""
    async with open_embedder(minilm, VectorCache(clock, entries=100, ttl_s=60)) as one:
        yield one


@pytest.fixture
def ingestor(store: PostgresStore, embedder: BatchingEmbedder) -> Ingestor:
    """Return an ingestor over the fresh store."""
    return Ingestor(store, embedder)
