"""What the tests of the room share: the adapters by name, and the pool that they share."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.provider.wiring import DIALECTS


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Name the adapter under test."""
    return str(request.param)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Open the one pool."""
    async with httpx.AsyncClient(trust_env=False) as opened:
        yield opened
