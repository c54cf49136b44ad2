"""Loopback ports: picked once, kept with the state, or given by the caller."""

import socket
from collections.abc import Mapping

from tools.up.failures import StackError

LOOPBACK = "127.0.0.1"


def free(port: int) -> bool:
    """Tell whether a server could listen on ``port`` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(names: tuple[str, ...], *, kept: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    """Return a port for each of ``names``: the given one, else the kept one if it is still free, else a free one.

    Raises:
        StackError: A given port is in use.
    """
    for name, port in given.items():
        if not free(port):
            raise StackError(
                f"port {port} for {name} is in use by another program",
                hint="give another port, or none and a free one is picked",
            )
    chosen = dict(given)
    for name in names:
        if name not in chosen and (port := kept.get(name, 0)) and port not in chosen.values() and free(port):
            chosen[name] = port
    missing = [name for name in names if name not in chosen]
    return chosen | dict(zip(missing, _pick(len(missing), taken=set(chosen.values())), strict=True))


def _pick(count: int, *, taken: set[int]) -> list[int]:
    """Return ``count`` different free ports; all stay bound until the last is found, so none is found twice."""
    sockets: list[socket.socket] = []
    ports: list[int] = []
    try:
        while len(ports) < count:
            probe = socket.socket()
            sockets.append(probe)
            probe.bind((LOOPBACK, 0))
            if (port := int(probe.getsockname()[1])) not in taken:
                ports.append(port)
    finally:
        for probe in sockets:
            probe.close()
    return ports
