"""A mesh of its own for a benchmark, a model vendor that costs no time, and the way in."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from tools.certs.identity import OPERATOR
from tools.up.control import serving
from tools.up.folder import Folder


@contextmanager
def mesh(*arguments: str, **settings: str) -> Iterator[Folder]:
    """Yield the folder of a serving mesh that ``magistrate up`` started with ``arguments`` and ``settings``."""
    magistrate = str(Path(sys.executable).parent / "magistrate")
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as place:
        folder = Folder(root=Path(place) / "state")
        where = ("--state", str(folder.root))
        up = (magistrate, "up", "--detach", *where, *arguments)
        subprocess.run(up, check=True, stdout=subprocess.DEVNULL, env=os.environ | settings)
        try:
            yield folder
        finally:
            subprocess.run((magistrate, "down", *where), check=True, stdout=subprocess.DEVNULL)


@contextmanager
def instant_vendor(script: str = "instant") -> Iterator[str]:
    """Yield the address of a model vendor that answers at once, or as ``script`` says."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "tests.fakes.vendors", "--port", str(port), "--script", script)
    root = Path(__file__).resolve().parents[2]
    vendor = subprocess.Popen(command, cwd=root, env=os.environ, stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        vendor.terminate()
        vendor.wait()


def edge(folder: Folder) -> grpc.aio.Channel:
    """Return a channel to the edge of the stack in ``folder``, as its operator."""
    home = folder.root / "certs" / OPERATOR
    tls = grpc.ssl_channel_credentials(*((home / name).read_bytes() for name in ("ca.crt", "tls.key", "tls.crt")))
    token = grpc.access_token_call_credentials(folder.token.read_text())
    return grpc.aio.secure_channel(serving(folder).edge, grpc.composite_channel_credentials(tls, token))
