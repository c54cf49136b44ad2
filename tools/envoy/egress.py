"""The way out of a service: a unix socket that knows each method which the service may call."""

from tools.envoy.connection import answer, listener, manager
from tools.envoy.deadline import max_stream_duration
from tools.envoy.fallback import fallback_routes
from tools.envoy.model import NOT_PROCESSED_HEADER, PROVIDER_HEADER, Egress, Route
from tools.envoy.reply import DENIED_STATUS, UNKNOWN_STATUS
from tools.envoy.retry import REQUEST_BUFFER_BYTES, unprocessed
from tools.envoy.typed import Config


def egress_listener(egress: Egress) -> Config:
    """Return the listener through which one service, and only it, calls others."""
    name = f"{egress.service}-egress"
    fallback = fallback_routes(egress.fallback) if egress.fallback else []
    routes = [
        *fallback,
        *(method_route(route) for route in egress.routes),
        *(answer({"path": path}, DENIED_STATUS) for path in egress.denied),
        answer({"prefix": "/"}, UNKNOWN_STATUS),
    ]
    http = manager(
        name,
        host={"routes": routes, **(_attempts() if fallback else _quiet())},
        codec_type="HTTP2",
        stream_idle_timeout="0s",
        use_remote_address=True,
        # Only the router may steer Envoy per request (hedge delay); from others such headers are removed.
        internal_address_config={"unix_sockets": bool(fallback), "cidr_ranges": []},
        server_name="magistrate",
    )
    return listener(name, egress.listen, http)


def method_route(route: Route) -> Config:
    """Return the route of one method with its time and its safe repeats."""
    return {
        "match": {"path": route.method.path},
        "request_body_buffer_limit": REQUEST_BUFFER_BYTES,
        "route": {
            "cluster": route.cluster,
            "max_stream_duration": max_stream_duration(route.method.deadline),
            "retry_policy": unprocessed(route.method.deadline),
        },
    }


def _quiet() -> Config:
    return {"response_headers_to_remove": [NOT_PROCESSED_HEADER]}


def _attempts() -> Config:
    """Tell the router who answered and after how many attempts, and each provider which attempt it is."""
    return {
        **_quiet(),
        "include_attempt_count_in_response": True,
        "include_request_attempt_count": True,
        "response_headers_to_add": [
            {"header": {"key": PROVIDER_HEADER, "value": "%UPSTREAM_METADATA(mesh:provider)%"}}
        ],
    }
