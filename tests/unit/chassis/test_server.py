"""A server takes its socket safely."""

import socket
from pathlib import Path

import pytest

from services.chassis.server import MeshServer
from tests.fakes.echo import Echo, registrations


async def test_a_living_servers_socket_is_not_stolen(tmp_path: Path) -> None:
    """A second process with the same name does not start, and the first keeps serving."""
    path = tmp_path / "echo.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(OSError, match="another process"):
            await MeshServer(registrations(Echo()), pending={}).start(path)

    assert path.is_socket()


async def test_a_path_that_the_kernel_would_cut_is_refused(tmp_path: Path) -> None:
    """Unix sockets have short names; one that is too long is refused with the limit."""
    with pytest.raises(OSError, match="107 bytes"):
        await MeshServer(registrations(Echo()), pending={}).start(tmp_path / ("x" * 110))
