"""May they: the gate service decides about each call that has a valid token."""

from tools.envoy.retry import BRIDGING_WAITS, repeats
from tools.envoy.typed import Config, extension, seconds

GATE_TIMEOUT_S = 15.0
"""For all tries; no answer counts as a refusal, the door stays closed.

The gate answers from memory within a millisecond, the rest is for one that is being started again. One try ends after
the longest wait between two, 0.5 s: Envoy takes it for the time of a try, too. So a gate that hangs is known at once.
"""
_BRIDGE_S = GATE_TIMEOUT_S - 1.0
"""The last try ends before the time for all of them: the caller learns that it was the gate."""


def gate_filter(cluster: str) -> Config:
    """Ask the gate over its own mutual-TLS ingress; no answer means no entry."""
    retry = {
        "retry_on": "connect-failure,refused-stream,reset-before-request,unavailable",
        "num_retries": repeats(_BRIDGE_S),
        "retry_back_off": dict(BRIDGING_WAITS),
    }
    return extension(
        "envoy.filters.http.ext_authz",
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        transport_api_version="V3",
        grpc_service={
            "envoy_grpc": {"cluster_name": cluster},
            "timeout": seconds(GATE_TIMEOUT_S),
            "retry_policy": retry,
            "initial_metadata": [{"key": "x-request-id", "value": "%REQ(X-REQUEST-ID)%"}],
        },
        failure_mode_allow=False,
        status_on_error={"code": "ServiceUnavailable"},
        stat_prefix="gate",
    )
