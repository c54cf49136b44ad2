"""One line of JSON per call and proxy hop, on standard output."""

from tools.envoy.typed import Config, extension


def access_log(hop: str) -> Config:
    """Log each call at ``hop``: what was asked by which identity, how it ended and why.

    No line holds a token, a claim, an address or a body.
    """
    fields = {
        "time": "%START_TIME%",
        "hop": hop,
        "request_id": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(:PATH)%",
        "peer": "%DOWNSTREAM_PEER_URI_SAN%",
        "http_status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "route": "%ROUTE_NAME%",
        "upstream": "%UPSTREAM_CLUSTER%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "duration_ms": "%DURATION%",
    }
    return extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={"json_format": fields},
    )
