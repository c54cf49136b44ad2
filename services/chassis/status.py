"""MeshError to and from ``google.rpc.Status``: the only place that knows gRPC codes.

Every status of the mesh carries ``ErrorInfo`` (AIP-193); ``BadRequest`` and ``RetryInfo`` join it where they apply.
"""

from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from services.chassis.errors import Kind, MeshError, Violation, of_kind

DOMAIN = "magistrate.dev"
DETAILS_KEY = "grpc-status-details-bin"
UNEXPECTED = "The service met an unexpected error; its log has the details under the request id."

# Status messages travel in HTTP/2 trailers, of which peers accept about 8 KiB.
_MAX_MESSAGE_CHARS = 1024
_MAX_VALUE_CHARS = 256
_MAX_VIOLATIONS = 8

CODES: Mapping[Kind, grpc.StatusCode] = MappingProxyType(
    {
        Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
        Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
        Kind.DENIED: grpc.StatusCode.PERMISSION_DENIED,
        Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Kind.EXISTS: grpc.StatusCode.ALREADY_EXISTS,
        Kind.PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
        Kind.OUT_OF_RANGE: grpc.StatusCode.OUT_OF_RANGE,
        Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Kind.ABORTED: grpc.StatusCode.ABORTED,
        Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Kind.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
        Kind.CANCELLED: grpc.StatusCode.CANCELLED,
        Kind.UNIMPLEMENTED: grpc.StatusCode.UNIMPLEMENTED,
        Kind.INTERNAL: grpc.StatusCode.INTERNAL,
    }
)
"""Each kind has one code, and no two share one."""

KINDS: Mapping[grpc.StatusCode, Kind] = MappingProxyType(
    {code: kind for kind, code in CODES.items()}
    | {grpc.StatusCode.UNKNOWN: Kind.INTERNAL, grpc.StatusCode.DATA_LOSS: Kind.INTERNAL}
)
"""Codes that the mesh never sends itself (UNKNOWN, DATA_LOSS) are faults of whoever sent them."""

FOREIGN_REASONS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.INVALID: "MESSAGE_MALFORMED",
        Kind.UNAUTHENTICATED: "TOKEN_INVALID",
        Kind.DENIED: "CALLER_NOT_ALLOWED",
        Kind.NOT_FOUND: "METHOD_UNKNOWN",
        Kind.EXISTS: "IDEMPOTENCY_CONFLICT",
        Kind.PRECONDITION: "STATE_CONFLICT",
        Kind.OUT_OF_RANGE: "INDEX_OUT_OF_RANGE",
        Kind.EXHAUSTED: "RESOURCE_LIMIT",
        Kind.ABORTED: "WRITE_CONFLICT",
        Kind.UNAVAILABLE: "DEPENDENCY_UNAVAILABLE",
        Kind.DEADLINE: "DEADLINE_EXPIRED",
        Kind.CANCELLED: "CANCELLED",
        Kind.UNIMPLEMENTED: "METHOD_UNKNOWN",
        Kind.INTERNAL: "INTERNAL",
    }
)
"""The reason of a status that did not come from Magistrate code: Envoy's own replies and the gRPC library's."""

_CODE_OF_NUMBER: Mapping[int, grpc.StatusCode] = MappingProxyType({code.value[0]: code for code in grpc.StatusCode})


def unexpected(request_id: str) -> MeshError:
    """Return what the wire learns about an exception that nobody foresaw: nothing but where to look."""
    return of_kind(Kind.INTERNAL)(Kind.INTERNAL, "INTERNAL", UNEXPECTED, metadata={"request_id": request_id})


def encode(error: MeshError) -> Status:
    """Return ``error`` as a status; texts are cut so that the trailers always fit."""
    info = ErrorInfo(reason=error.reason, domain=DOMAIN)
    for key, value in error.metadata.items():
        info.metadata[_text(key)] = _text(value)
    status = Status(code=CODES[error.kind].value[0], message=_text(error.message, _MAX_MESSAGE_CHARS))
    status.details.add().Pack(info)
    if error.violations:
        status.details.add().Pack(_bad_request(error.violations))
    if error.retry_after_s is not None:
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_after_s * 1e9))
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    return status


def to_grpc(error: MeshError) -> tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]:
    """Return code, message and trailing metadata for ``ServicerContext.abort``."""
    status = encode(error)
    return CODES[error.kind], status.message, ((DETAILS_KEY, status.SerializeToString()),)


def decode(status: Status) -> MeshError:
    """Return the error that ``status`` carries; one without Magistrate's ErrorInfo gets the reason of its code.

    Raises:
        DecodeError: A detail is not the message that it says it is.
    """
    kind = KINDS[code_of(status.code)]
    info, bad_request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    retry_after_s = None
    for detail in status.details:
        if not (detail.Unpack(info) or detail.Unpack(bad_request)) and detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9
    ours = info.domain == DOMAIN
    return of_kind(kind)(
        kind,
        info.reason if ours else FOREIGN_REASONS[kind],
        status.message,
        metadata=dict(info.metadata) if ours else {},
        violations=[Violation(field=v.field, problem=v.description) for v in bad_request.field_violations],
        retry_after_s=retry_after_s,
    )


def from_grpc(code: grpc.StatusCode, message: str, trailers: Mapping[str, str | bytes]) -> MeshError:
    """Return the error that a failed call carries, whoever failed it and whatever it wrote into the details."""
    packed = trailers.get(DETAILS_KEY)
    if isinstance(packed, bytes):
        try:
            status = Status.FromString(packed)
            # gRPC requires both to agree; where they do not, the code is what proxies acted upon.
            if status.code == code.value[0]:
                return decode(status)
        except DecodeError:
            pass
    return decode(Status(code=code.value[0], message=message))


def code_of(number: object) -> grpc.StatusCode:
    """Return the code for ``number``, which grpc.aio hands out as a plain integer; UNKNOWN if there is none."""
    if isinstance(number, grpc.StatusCode):
        return number
    return _CODE_OF_NUMBER.get(number, grpc.StatusCode.UNKNOWN) if isinstance(number, int) else grpc.StatusCode.UNKNOWN


def _bad_request(violations: tuple[Violation, ...]) -> BadRequest:
    request = BadRequest()
    for violation in violations[:_MAX_VIOLATIONS]:
        request.field_violations.add(field=_text(violation.field), description=_text(violation.problem))
    return request


def _text(value: str, limit: int = _MAX_VALUE_CHARS) -> str:
    """Return ``value`` cut to ``limit`` characters and without lone surrogates, which no message can carry."""
    return value[:limit].encode(errors="replace").decode()
