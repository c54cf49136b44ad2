"""Envoy's authorization contract on the wire: convert and delegate."""

import base64
from collections.abc import Mapping

import grpc

from magistrate.gate.v1 import ext_authz_pb2 as authz
from magistrate.gate.v1 import ext_authz_pb2_grpc
from services.chassis import call, log, metrics, status
from services.chassis.errors import Kind, MeshError
from services.gate.core import Entry, admit

_log = log.get_logger("gate")
_ENTRIES = metrics.counter(
    "magistrate_gate_entries_total", "Requests at the edge, by what the gate said.", ("outcome",)
)
_HTTP = {Kind.UNAUTHENTICATED: 401, Kind.DENIED: 403, Kind.UNIMPLEMENTED: 404}
"""HTTP statuses that Envoy turns into the gRPC codes of these kinds."""
_OVERWRITE = 2
_Context = grpc.aio.ServicerContext[object, object]


class GateServicer(ext_authz_pb2_grpc.AuthorizationServicer):
    """Answer Envoy's question about each request at the edge."""

    def __init__(self, rules: Mapping[str, frozenset[str]]) -> None:
        self._rules = rules

    async def Check(self, request: authz.CheckRequest, _: _Context) -> authz.CheckResponse:
        """Let a request pass or refuse it with its reason; a refusal is an answer here, not an error."""
        http = request.attributes.request.http
        try:
            admit(_entry(http.path, http.headers), self._rules)
        except MeshError as error:
            _ENTRIES.labels(error.reason).inc()
            _log.info("refused", method=http.path[:256], reason=error.reason)
            return _refusal(error)
        _ENTRIES.labels("OK").inc()
        return authz.CheckResponse(status=authz.RpcStatus(code=0), ok_response=authz.OkHttpResponse())


def _entry(path: str, headers: Mapping[str, str]) -> Entry:
    return Entry(
        path=path.partition("?")[0],
        tenant=headers.get(call.TENANT_KEY, ""),
        subject=headers.get(call.SUBJECT_KEY, ""),
        roles=frozenset(headers.get(call.ROLES_KEY, "").split()),
    )


def _refusal(error: MeshError) -> authz.CheckResponse:
    """Return a refusal whose reason reaches the caller as ErrorInfo, as if the service itself had said it."""
    encoded = status.encode(error)
    details = base64.b64encode(encoded.SerializeToString()).decode().rstrip("=")
    header = authz.HeaderValueOption(
        header=authz.HeaderValue(key=status.DETAILS_KEY, value=details), append_action=_OVERWRITE
    )
    return authz.CheckResponse(
        status=authz.RpcStatus(code=encoded.code, message=encoded.message),
        denied_response=authz.DeniedHttpResponse(
            status=authz.HttpStatus(code=_HTTP[error.kind]), headers=[header], body=encoded.message
        ),
    )
