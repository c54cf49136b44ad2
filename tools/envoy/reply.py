"""What a caller reads when a proxy answers by itself: a status, a sentence, and a typed reason as services give it."""

import base64
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from tools.envoy.model import NOT_PROCESSED_HEADER
from tools.envoy.typed import Config, extension

ERROR_DOMAIN = "magistrate.dev"
DENIED_STATUS = 403
"""HTTP status of a route's own answer: the method exists, this caller may not call it."""
UNKNOWN_STATUS = 501
"""There is no such method."""
NO_PROVIDER_STATUS = 503
"""The order of providers that the call asks for cannot be served."""

_DETAILS = "response.code_details"


def _begins(*beginnings: str) -> str:
    """Return the CEL expression for details that begin with one of these."""
    return " || ".join(f"{_DETAILS}.startsWith('{beginning}')" for beginning in beginnings)


def _reset(*causes: str) -> str:
    """Return the CEL expression for an upstream stream that ended before its reply, by one of these causes."""
    return _begins(*(f"upstream_reset_before_response_started{{{cause}" for cause in causes))


def _own_answer(status: int) -> str:
    return f"({_DETAILS} == 'direct_response' && response.code == {status})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the proxy: ``when`` is a CEL expression over how it came about."""

    when: str
    code: grpc.StatusCode
    reason: str
    """Name of a ``magistrate.common.v1.ErrorReason`` without its prefix."""
    text: str
    processed: bool = True
    """False when no servicer can have seen the call."""


REPLIES = (
    Reply(
        when=_begins("jwt_authn_access_denied{Jwt_is_missing"),
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason="TOKEN_MISSING",
        text="the call carries no bearer token: send one in the authorization header",
    ),
    Reply(
        when=_begins("jwt_authn_access_denied{Jwt_is_expired"),
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason="TOKEN_EXPIRED",
        text="the bearer token has expired: get a new one",
    ),
    Reply(
        when=_begins("jwt_authn_access_denied"),
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason="TOKEN_INVALID",
        text="the bearer token does not verify",
    ),
    Reply(
        when=f"{_begins('rbac_access_denied')} || {_own_answer(DENIED_STATUS)}",
        code=grpc.StatusCode.PERMISSION_DENIED,
        reason="CALLER_NOT_ALLOWED",
        text="this identity may not call this method",
    ),
    Reply(
        when=f"{_DETAILS} == 'ext_authz_error'",
        code=grpc.StatusCode.UNAVAILABLE,
        reason="GATE_UNAVAILABLE",
        text="the gate that decides about entry cannot be reached: try again later",
        processed=False,
    ),
    Reply(
        when=f"{_DETAILS} == 'route_not_found' || {_own_answer(UNKNOWN_STATUS)}",
        code=grpc.StatusCode.UNIMPLEMENTED,
        reason="METHOD_UNKNOWN",
        text="there is no such method here, or it was not called by gRPC",
    ),
    Reply(
        when=_own_answer(NO_PROVIDER_STATUS),
        code=grpc.StatusCode.UNAVAILABLE,
        reason="PROVIDERS_UNAVAILABLE",
        text="no enabled provider stands in the order that the call asks for",
    ),
    Reply(
        when=f"{_DETAILS} == 'max_duration_timeout' || {_DETAILS} == 'response_timeout'",
        code=grpc.StatusCode.DEADLINE_EXCEEDED,
        reason="DEADLINE_EXPIRED",
        text="the deadline passed before an answer came",
    ),
    Reply(
        when=f"{_DETAILS} == 'request_payload_too_large'",
        code=grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason="MESSAGE_TOO_LARGE",
        text="the request is larger than the proxy lets through",
    ),
    Reply(
        when=f"{_reset('overflow')} || {_begins('overload')}",
        code=grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason="RESOURCE_LIMIT",
        text="the service works on as many calls as it may: try again later",
    ),
    Reply(
        when=_reset(
            "remote_connection_failure", "local_connection_failure", "connection_timeout", "remote_refused_stream_reset"
        )
        + f" || {_DETAILS} == 'no_healthy_upstream'",
        code=grpc.StatusCode.UNAVAILABLE,
        reason="DEPENDENCY_UNAVAILABLE",
        text="the service cannot be reached: it saw nothing of the call",
        processed=False,
    ),
    Reply(
        when=_begins("upstream_reset"),
        code=grpc.StatusCode.UNAVAILABLE,
        reason="DEPENDENCY_UNAVAILABLE",
        text="the connection to the service broke before it answered",
    ),
)
"""First match wins. What matches none keeps Envoy's own status, for example a request that breaks HTTP itself."""


def local_replies() -> Config:
    """Return the answers as Envoy's mappers; the typed details travel in gRPC's own trailer."""
    return {"mappers": [_mapper(reply) for reply in REPLIES]}


def _mapper(reply: Reply) -> Config:
    code: int = reply.code.value[0]
    headers = {"grpc-status": str(code), "grpc-status-details-bin": _details(reply, code)}
    if not reply.processed:
        headers[NOT_PROCESSED_HEADER] = "true"
    return {
        "filter": {
            "extension_filter": extension(
                "envoy.access_loggers.extension_filters.cel",
                "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                expression=reply.when,
            )
        },
        "body": {"inline_string": reply.text},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }


def _details(reply: Reply, code: int) -> str:
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reply.reason, domain=ERROR_DOMAIN))
    status = status_pb2.Status(code=code, message=reply.text, details=[detail])
    # gRPC wants base64 without padding in a "-bin" header.
    return base64.b64encode(status.SerializeToString(deterministic=True)).decode().rstrip("=")
