"""One Envoy process: all listeners and clusters of a mesh, its admin socket and its own limits."""

from itertools import chain

from tools.envoy.address import listening
from tools.envoy.cluster import app_cluster, order_cluster, peer_cluster
from tools.envoy.edge import edge_listener
from tools.envoy.egress import egress_listener
from tools.envoy.ingress import ingress_listener
from tools.envoy.model import Mesh
from tools.envoy.typed import Config, extension

_MAX_CONNECTIONS = 10_000
_MAX_HEAP_BYTES = 1024 * 1024 * 1024


def render(mesh: Mesh) -> Config:
    """Return the whole configuration of ``mesh`` as plain data; equal models give equal data."""
    return {
        "node": {"id": mesh.node, "cluster": "magistrate"},
        "admin": {"address": listening(mesh.admin)},
        "static_resources": {"listeners": _listeners(mesh), "clusters": _clusters(mesh)},
        "overload_manager": _overload(),
    }


def _listeners(mesh: Mesh) -> list[Config]:
    return [
        *(ingress_listener(ingress, mesh.secrets) for ingress in mesh.ingresses),
        *(egress_listener(egress) for egress in mesh.egresses),
        *([edge_listener(mesh.edge, mesh.secrets)] if mesh.edge else []),
    ]


def _clusters(mesh: Mesh) -> list[Config]:
    orders = chain.from_iterable(egress.fallback.orders for egress in mesh.egresses if egress.fallback)
    return [
        *(app_cluster(ingress) for ingress in mesh.ingresses),
        *(peer_cluster(peer, mesh.secrets) for peer in mesh.peers),
        *(order_cluster(order) for order in orders),
    ]


def _overload() -> Config:
    """Refuse new work before memory or connections run out, and keep what is in flight."""
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(
                "envoy.resource_monitors.fixed_heap",
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=_MAX_HEAP_BYTES,
            ),
            extension(
                "envoy.resource_monitors.global_downstream_max_connections",
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=_MAX_CONNECTIONS,
            ),
        ],
        "actions": [_heap_action("shrink_heap", 0.9), _heap_action("stop_accepting_requests", 0.95)],
    }


def _heap_action(action: str, threshold: float) -> Config:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": threshold}}
    return {"name": f"envoy.overload_actions.{action}", "triggers": [trigger]}
