"""Fixtures that many rooms share: real parts that are slow enough to start only once in a session."""

from collections.abc import Iterator

import pytest

from tests.fakes.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Yield one real PostgreSQL 18 with pgvector; a test takes its own database from `fresh_database`."""
    with postgres_server() as server:
        yield server
