"""Upstream clusters: the service behind an ingress, a peer behind an egress, and an order of providers."""

from ipaddress import ip_address

from tools.envoy.address import endpoint
from tools.envoy.model import Ingress, Order, Peer, Pipe, Secrets, Tcp
from tools.envoy.retry import RETRY_BUDGET_PERCENT, RETRY_FLOOR
from tools.envoy.tls import peer_tls
from tools.envoy.typed import Config, message

_PLENTY = 4096
"""Streams to one callee. Envoy's default of 1024 would be a hidden limit; real ones are set where they belong."""
_HEDGES = 1024
"""Hedges in flight for one order. The default of 3 would let only three slow calls at a time be hedged."""
_HEALTH_INTERVAL = "0.2s"
"""Below half of the time for which a draining process still takes calls (``MAGISTRATE_DRAIN_DELAY_S``, 0.5 s)."""
_HEALTH_PATIENCE = "30s"
"""Longer than a process is ever busy; one that ends closes the connection, and the next is asked at once."""
_NEVER = 1_000_000_000
_CONNECTION_LIFE = "900s"
"""How long one connection between two proxies lives."""


def app_cluster_name(service: str) -> str:
    """Return the cluster of the process behind an ingress."""
    return f"{service}-app"


def app_cluster(ingress: Ingress) -> Config:
    """Reach the process itself; a provider's slots are counted here.

    An overflow in the caller's proxy would not move on to the next provider, one in the callee's does.
    """
    limits = {**_limits(), "max_requests": ingress.slots or _PLENTY}
    return {
        **_hosts(app_cluster_name(ingress.service), ingress.app),
        "circuit_breakers": {"thresholds": [limits]},
        **_leaves_when_told(),
    }


def peer_cluster(peer: Peer, secrets: Secrets) -> Config:
    """Reach one callee with the caller's certificate."""
    return {
        **_hosts(peer.cluster, peer.address, vendor=peer.vendor),
        "transport_socket": peer_tls(secrets, peer),
        "circuit_breakers": {"thresholds": [{**_limits(), "retry_budget": _budget()}]},
        **(_chosen_by_call() if peer.vendor else {}),
        **(_leaves_its_order() if peer.in_order else _loses_bad_hosts()),
    }


def order_cluster(order: Order) -> Config:
    """Try the peers of an order, one priority each; the limit on hedges counts here, not in the peers."""
    return {
        "name": order.cluster,
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": {"thresholds": [{"max_retries": _HEDGES}]},
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": message(
                "envoy.extensions.clusters.aggregate.v3.ClusterConfig", clusters=list(order.clusters)
            ),
        },
    }


def _hosts(name: str, address: Pipe | Tcp, *, vendor: str = "") -> Config:
    host: Config = {"endpoint": {"address": endpoint(address)}}
    if vendor:
        host["metadata"] = {"filter_metadata": {"mesh": {"provider": vendor}}}
    return {
        "name": name,
        "type": "STATIC" if _is_literal(address) else "STRICT_DNS",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _http2()},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [host]}]},
    }


def _is_literal(address: Pipe | Tcp) -> bool:
    if isinstance(address, Pipe):
        return True
    try:
        ip_address(address.host)
    except ValueError:
        return False
    return True


def _http2() -> Config:
    return message(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config={"http2_protocol_options": {}},
        # A connection that outlives its certificate would keep a revoked identity; streams in flight end in peace.
        common_http_protocol_options={"max_connection_duration": _CONNECTION_LIFE},
    )


def _limits() -> Config:
    return {"max_connections": _PLENTY, "max_pending_requests": _PLENTY, "max_requests": _PLENTY}


def _budget() -> Config:
    return {"budget_percent": {"value": RETRY_BUDGET_PERCENT}, "min_retry_concurrency": RETRY_FLOOR}


def _chosen_by_call() -> Config:
    """Choose a replica by the hash that the route gives, and by chance where it gives none."""
    return {"lb_policy": "RING_HASH"}


def _leaves_when_told() -> Config:
    """Send nothing to a process that says NOT_SERVING, so that one which drains can close without losing a call.

    gRPC for Python answers CANCELLED to a call that arrives while its server closes; nobody could tell it from one
    that was broken off in the middle. Only the word of the process counts: a check that is late or finds no process
    changes nothing (hence the threshold), since a busy process must not lose its calls. The check carries its time as a
    deadline, and gRPC answers DEADLINE_EXCEEDED for a process that is too busy to: Envoy would take that for its word.
    """
    return {
        "health_checks": [
            {
                "grpc_health_check": {},
                "interval": _HEALTH_INTERVAL,
                "no_traffic_interval": _HEALTH_INTERVAL,
                "unhealthy_interval": _HEALTH_INTERVAL,
                "timeout": _HEALTH_PATIENCE,
                "unhealthy_threshold": _NEVER,
                "healthy_threshold": 1,
            }
        ],
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    }


def _leaves_its_order() -> Config:
    """Eject a failing provider at once and wholly: the order then starts with the next one.

    Local and upstream failures count together, or a provider that hangs, and so is always cancelled as the loser of a
    hedge, would never leave. The same provider asked alone has no other to move to; see ``_loses_bad_hosts``.
    """
    return {
        "outlier_detection": {
            "consecutive_5xx": 5,
            "consecutive_gateway_failure": 5,
            "enforcing_consecutive_gateway_failure": 100,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_time": "30s",
            "max_ejection_percent": 100,
        },
    }


def _loses_bad_hosts() -> Config:
    """Eject a replica that cannot be reached or says UNAVAILABLE, for a while and never more than half of them.

    The panic threshold stays at Envoy's 50 %: a service with one replica is asked even while it counts as bad, so that
    it serves again the moment it is back. INTERNAL and UNKNOWN speak about a request, not about a host.
    """
    return {
        "outlier_detection": {
            "enforcing_consecutive_5xx": 0,
            "consecutive_gateway_failure": 5,
            "enforcing_consecutive_gateway_failure": 100,
            "enforcing_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "5s",
            "max_ejection_time": "30s",
            "max_ejection_percent": 50,
        },
    }
