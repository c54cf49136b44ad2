"""Fixtures that many rooms share: real parts that are slow enough to start only once in a session."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.postgres import PostgresServer, postgres_server

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


@pytest.fixture(autouse=True)
def _left_open() -> Iterator[None]:
    """Charge what a test leaves open to that test: Python warns when it collects, which can be many tests later."""
    yield
    gc.collect()
    # What outlives a test is not looked through again after each of the thousands that follow.
    gc.freeze()
