"""One mesh with scripted vendors for all tests that do not hurt it; those that do have their own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.mesh.mesh import Client, Mesh, serving_mesh


@pytest.fixture(scope="session")
def _shared_mesh() -> Iterator[Mesh]:
    with serving_mesh() as mesh:
        yield mesh


@pytest.fixture
def mesh(_shared_mesh: Mesh) -> Mesh:
    """Return the shared mesh, its vendors answering at once."""
    _shared_mesh.calm()
    return _shared_mesh


@pytest.fixture
async def client(mesh: Mesh) -> AsyncIterator[Client]:
    """Yield a caller of the shared mesh."""
    async with mesh.client() as client:
        yield client
