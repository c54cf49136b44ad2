"""Loopback ports: picked once, kept with the state, or given by the caller."""

import socket
from collections.abc import Mapping
from random import SystemRandom

from tools.up.failures import StackError

LOOPBACK = "127.0.0.1"
_RANGE = range(20_000, 32_000)


def free(port: int) -> bool:
    """Tell whether a server could listen on ``port`` of the loopback interface now."""
    return _obstacle(port) == ""


def _obstacle(port: int) -> str:
    """Return why no server could listen on ``port``; empty where one could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            return "is not for this account"
        except OSError:
            return "is in use by another program"
    return ""


def choose(names: tuple[str, ...], *, kept: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    """Return a port for each of ``names``: the given one, else the kept one if it is still free, else a free one.

    Raises:
        StackError: A given port is in use, or the system keeps it from this account (most keep those below 1024).
    """
    for name, port in given.items():
        if obstacle := _obstacle(port):
            raise StackError(
                f"port {port} for {name} {obstacle}",
                hint="give another port, or none and a free one is picked",
            )
    chosen = dict(given)
    for name in names:
        if name not in chosen and (port := kept.get(name, 0)) and port not in chosen.values() and free(port):
            chosen[name] = port
    missing = [name for name in names if name not in chosen]
    return chosen | dict(zip(missing, _pick(len(missing), taken=set(chosen.values())), strict=True))


def _pick(count: int, *, taken: set[int]) -> list[int]:
    """Return ``count`` different free ports from a range that the system hands to no outgoing connection.

    A port of the system's own range could be taken by any connection while its server is down for a restart.
    """
    ports: list[int] = []
    for port in SystemRandom().sample(_RANGE, len(_RANGE)):
        if len(ports) == count:
            break
        if port not in taken and free(port):
            ports.append(port)
    return ports
