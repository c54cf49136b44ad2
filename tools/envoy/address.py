"""Socket addresses."""

from tools.envoy.model import Pipe, Tcp
from tools.envoy.typed import Config

_OWNER_ONLY = 0o600
"""Who can open an egress socket speaks with that service's identity, so that nobody else may."""


def listening(address: Pipe | Tcp) -> Config:
    """Return the address of a listener; a unix socket opens to its owner only."""
    if isinstance(address, Pipe):
        return {"pipe": {"path": str(address.path), "mode": _OWNER_ONLY}}
    return _tcp(address)


def endpoint(address: Pipe | Tcp) -> Config:
    """Return the address of an upstream host."""
    return {"pipe": {"path": str(address.path)}} if isinstance(address, Pipe) else _tcp(address)


def _tcp(address: Tcp) -> Config:
    return {"socket_address": {"address": address.host, "port_value": address.port}}
