"""The door for callers from outside: TLS, token, gate, limits, then the methods that some role may ask for."""

from tools.envoy.connection import answer, listener, manager
from tools.envoy.egress import method_route
from tools.envoy.gate import gate_filter
from tools.envoy.model import NOT_PROCESSED_HEADER, Deadline, Edge, Method, Route, Secrets
from tools.envoy.rbac import HEALTH_PATHS
from tools.envoy.reply import DENIED_STATUS, UNKNOWN_STATUS
from tools.envoy.tls import edge_tls
from tools.envoy.token import strip_private_headers, token_filter
from tools.envoy.typed import Config, extension, seconds

REQUEST_LIMIT_BYTES = 16 * 1024 * 1024
"""A fence for the transport. The rule of 4 MiB per message is each service's, which can name it in words."""
_STREAMS_PER_CONNECTION = 256
_IDLE_S = 300.0
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "strict-transport-security": "max-age=31536000",
    "content-security-policy": "default-src 'self'",
}
"""Spec row EDG-17."""


def edge_listener(edge: Edge, secrets: Secrets) -> Config:
    """Return the listener that the world sees."""
    http = manager(
        "edge",
        host={"routes": _routes(edge)},
        filters=[_reply_headers(), _size_limit(), token_filter(edge), gate_filter(edge.gate)],
        codec_type="AUTO",
        early_header_mutation_extensions=[strip_private_headers()],
        use_remote_address=True,
        internal_address_config={"unix_sockets": False, "cidr_ranges": []},
        forward_client_cert_details="SANITIZE",
        server_name="magistrate",
        max_request_headers_kb=32,
        request_headers_timeout="10s",
        stream_idle_timeout=seconds(_IDLE_S),
        common_http_protocol_options={
            "idle_timeout": seconds(_IDLE_S),
            "max_headers_count": 100,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        http2_protocol_options={
            "max_concurrent_streams": _STREAMS_PER_CONNECTION,
            "initial_stream_window_size": 1024 * 1024,
            "initial_connection_window_size": 4 * 1024 * 1024,
        },
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
    )
    tls = edge_tls(secrets, require_client_certificate=edge.require_client_certificate)
    return listener("edge", edge.listen, http, tls=tls)


def _routes(edge: Edge) -> list[Config]:
    health = Method(path=HEALTH_PATHS[0], callers=(), deadline=Deadline(default_s=5, cap_s=10))
    return [
        *(_only_grpc(_with_idle_time(route)) for route in edge.routes),
        _only_grpc(method_route(Route(method=health, cluster=edge.health))),
        *(answer({"path": path}, DENIED_STATUS) for path in edge.denied),
        answer({"prefix": "/"}, UNKNOWN_STATUS),
    ]


def _only_grpc(rendered: Config) -> Config:
    """Know a method by gRPC's content type too: a service resets anything else, which would look like a lost one."""
    rendered["match"]["grpc"] = {}
    return rendered


def _with_idle_time(route: Route) -> Config:
    """A stream that may live longer than the idle limit may also be silent for that long."""
    rendered = method_route(route)
    if route.method.deadline.cap_s > _IDLE_S:
        rendered["route"]["idle_timeout"] = seconds(route.method.deadline.cap_s)
    return rendered


def _size_limit() -> Config:
    return extension(
        "envoy.filters.http.body_size_limit",
        "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit",
        max_request_bytes=REQUEST_LIMIT_BYTES,
    )


def _reply_headers() -> Config:
    """Set the headers of every reply, also of refusals: first in the chain, it sees them all."""
    own = [
        {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
        for key, value in _SECURITY_HEADERS.items()
    ]
    return extension(
        "envoy.filters.http.header_mutation",
        "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        mutations={"response_mutations": [*own, {"remove": NOT_PROCESSED_HEADER}]},
    )
