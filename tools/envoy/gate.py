"""May they: the gate service decides about each call that has a valid token."""

from tools.envoy.typed import Config, extension, seconds

GATE_TIMEOUT_S = 0.5
"""The gate answers from memory; a slower answer counts as none, and the door stays closed."""


def gate_filter(cluster: str) -> Config:
    """Ask the gate over its own mutual-TLS ingress; no answer means no entry."""
    retry = {"retry_on": "connect-failure,refused-stream,reset-before-request,unavailable", "num_retries": 2}
    return extension(
        "envoy.filters.http.ext_authz",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        transport_api_version="V3",
        grpc_service={
            "envoy_grpc": {"cluster_name": cluster, "retry_policy": retry},
            "timeout": seconds(GATE_TIMEOUT_S),
        },
        failure_mode_allow=False,
        status_on_error={"code": "ServiceUnavailable"},
        stat_prefix="gate",
    )
