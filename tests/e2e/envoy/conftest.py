"""One real Envoy per test, with services that the test makes behave."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fakes.mesh import FakeMesh, running_mesh


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a path short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="mesh-") as path:
        yield Path(path)


@pytest.fixture
async def mesh(folder: Path) -> AsyncIterator[FakeMesh]:
    """Return a mesh with one provider."""
    async with running_mesh(folder) as mesh:
        yield mesh
