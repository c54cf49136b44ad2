"""Fixtures that many rooms share: real parts that are slow enough to start only once in a session."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.postgres import PostgresServer, postgres_server

# Read when gRPC is first imported. A test that serves gRPC may restart PostgreSQL under another account, for which
# Python must fork; gRPC's own fork handlers then crash the child about every third time.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# How fast a shared machine draws examples says nothing about the code.
settings.register_profile("magistrate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("magistrate")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the one flag that makes what is rendered now the expectation."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files, and remove stale ones")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Yield one real PostgreSQL 18 with pgvector; a test takes its own database from `fresh_database`."""
    with postgres_server() as server:
        yield server
