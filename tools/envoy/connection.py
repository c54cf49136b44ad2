"""The HTTP connection manager: what all three kinds of listener share, and the listener around it."""

from collections.abc import Iterable
from typing import Any

from tools.envoy.access_log import access_log
from tools.envoy.address import listening
from tools.envoy.model import Pipe, Tcp
from tools.envoy.reply import local_replies
from tools.envoy.typed import Config, extension

_BUFFER_BYTES = 1024 * 1024


def listener(name: str, address: Pipe | Tcp, manager: Config, *, tls: Config | None = None) -> Config:
    """Return a listener that hands each connection to ``manager``."""
    chain: Config = {"filters": [manager]}
    if tls is not None:
        chain["transport_socket"] = tls
    return {
        "name": name,
        "address": listening(address),
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        "filter_chains": [chain],
    }


def manager(name: str, *, host: Config, filters: Iterable[Config] = (), **own: Any) -> Config:
    """Return a connection manager with one virtual ``host``; ``own`` adds what only this kind of listener needs."""
    router = extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router")
    return extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], **host}]},
        http_filters=[*filters, router],
        access_log=[access_log(name)],
        local_reply_config=local_replies(),
        # The request id follows a call over every hop, so that no proxy replaces one that is there.
        preserve_external_request_id=True,
        **own,
    )


def answer(match: Config, status: int) -> Config:
    """Return a route that the proxy answers by itself; ``reply`` turns ``status`` into words."""
    return {"match": match, "direct_response": {"status": status}}
