"""One real Envoy per module, with services that the tests make behave."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fakes.mesh import ALL_VENDORS, FakeMesh, running_mesh


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a path short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as path:
        yield Path(path)


@pytest.fixture
async def mesh(folder: Path) -> AsyncIterator[FakeMesh]:
    """Return a mesh with every vendor enabled and a hedge delay of 0.3 s."""
    async with running_mesh(folder, providers=ALL_VENDORS, hedge_delay_s=0.3, provider_slots=4) as mesh:
        yield mesh
