"""One table proves every kind, its code and its way back; hypothesis proves the parts."""

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from magistrate.common.v1.error_pb2 import ErrorReason
from services.chassis import status
from services.chassis.errors import CallerError, Kind, MeshError, Violation, WorldError, of_kind

TABLE = [
    (Kind.INVALID, grpc.StatusCode.INVALID_ARGUMENT, CallerError, "MESSAGE_MALFORMED"),
    (Kind.UNAUTHENTICATED, grpc.StatusCode.UNAUTHENTICATED, CallerError, "TOKEN_INVALID"),
    (Kind.DENIED, grpc.StatusCode.PERMISSION_DENIED, CallerError, "CALLER_NOT_ALLOWED"),
    (Kind.NOT_FOUND, grpc.StatusCode.NOT_FOUND, CallerError, "METHOD_UNKNOWN"),
    (Kind.EXISTS, grpc.StatusCode.ALREADY_EXISTS, CallerError, "IDEMPOTENCY_CONFLICT"),
    (Kind.PRECONDITION, grpc.StatusCode.FAILED_PRECONDITION, CallerError, "STATE_CONFLICT"),
    (Kind.OUT_OF_RANGE, grpc.StatusCode.OUT_OF_RANGE, CallerError, "INDEX_OUT_OF_RANGE"),
    (Kind.EXHAUSTED, grpc.StatusCode.RESOURCE_EXHAUSTED, WorldError, "RESOURCE_LIMIT"),
    (Kind.ABORTED, grpc.StatusCode.ABORTED, WorldError, "WRITE_CONFLICT"),
    (Kind.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, WorldError, "DEPENDENCY_UNAVAILABLE"),
    (Kind.DEADLINE, grpc.StatusCode.DEADLINE_EXCEEDED, WorldError, "DEADLINE_EXPIRED"),
    (Kind.CANCELLED, grpc.StatusCode.CANCELLED, CallerError, "CANCELLED"),
    (Kind.UNIMPLEMENTED, grpc.StatusCode.UNIMPLEMENTED, WorldError, "METHOD_UNKNOWN"),
    (Kind.INTERNAL, grpc.StatusCode.INTERNAL, WorldError, "INTERNAL"),
]
"""Kind, its code, whose fault it is, and the reason where a stranger (Envoy, gRPC itself) sends the bare code."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
ERRORS = st.builds(
    lambda kind, reason, message, metadata, violations, retry: of_kind(kind)(
        kind, reason, message, metadata=metadata, violations=violations, retry_after_s=retry
    ),
    st.sampled_from(Kind),
    st.sampled_from([name.removeprefix("ERROR_REASON_") for name in ErrorReason.DESCRIPTOR.values_by_name]),
    TEXT,
    st.dictionaries(TEXT.filter(bool), TEXT, max_size=4),
    st.lists(st.builds(Violation, field=TEXT, problem=TEXT), max_size=4),
    st.none() | st.integers(0, 10**12).map(lambda nanoseconds: nanoseconds / 1e9),
)


def parts(error: MeshError) -> tuple[object, ...]:
    """Return everything that an error carries over the wire."""
    return (
        type(error),
        error.kind,
        error.reason,
        error.message,
        dict(error.metadata),
        error.violations,
        error.retry_after_s,
    )


def test_the_table_is_complete() -> None:
    """No kind and no code but OK is missing from the table below; UNKNOWN and DATA_LOSS are never sent."""
    assert {row[0] for row in TABLE} == set(Kind)
    assert {row[1] for row in TABLE} == set(status.KINDS) - {grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}
    assert set(status.KINDS) == set(grpc.StatusCode) - {grpc.StatusCode.OK}


@pytest.mark.parametrize(("kind", "code", "fault", "foreign_reason"), TABLE)
def test_kind_to_code_and_back(kind: Kind, code: grpc.StatusCode, fault: type, foreign_reason: str) -> None:
    """An error has its code on the wire and comes back as the same type; a bare code comes back with a reason."""
    wire_code, message, trailers = status.to_grpc(of_kind(kind)(kind, "QUEUE_FULL", "sentence", metadata={"a": "b"}))
    back = status.from_grpc(wire_code, message, dict(trailers))
    bare = status.from_grpc(code, "upstream connect error", {})

    assert wire_code is code
    assert parts(back) == (fault, kind, "QUEUE_FULL", "sentence", {"a": "b"}, (), None)
    assert parts(bare) == (fault, kind, foreign_reason, "upstream connect error", {}, (), None)


@pytest.mark.parametrize("reason", sorted(set(status.FOREIGN_REASONS.values())))
def test_reasons_are_part_of_the_contract(reason: str) -> None:
    """Every reason that the chassis invents for others is a value of ErrorReason."""
    assert f"ERROR_REASON_{reason}" in ErrorReason.DESCRIPTOR.values_by_name


@given(ERRORS)
def test_any_error_crosses_the_wire_unchanged(error: MeshError) -> None:
    """The client raises what the server raised, whatever its parts."""
    code, message, trailers = status.to_grpc(error)

    assert parts(error) == parts(status.from_grpc(code, message, dict(trailers)))


@given(st.text(), st.lists(st.text(max_size=2000), max_size=30))
def test_no_error_is_too_large_or_malformed_for_trailers(message: str, texts: list[str]) -> None:
    """Whatever an error quotes, its trailer stays below the 8 KiB that peers accept."""
    violations = [Violation(field=text, problem=text) for text in texts]
    error = CallerError(Kind.INVALID, "FIELD_REQUIRED", message * 100, violations=violations, metadata={"a": message})
    _, _, ((_, packed),) = status.to_grpc(error)

    assert Status.FromString(packed).code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


@pytest.mark.parametrize("code", [grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS])
def test_codes_that_the_mesh_never_sends_are_internal(code: grpc.StatusCode) -> None:
    """A stranger's UNKNOWN says nothing that the caller could mend."""
    assert status.from_grpc(code, "", {}).kind is Kind.INTERNAL


def test_another_domains_reason_is_not_taken_for_ours() -> None:
    """ErrorInfo of another domain keeps its code but loses its reason: ours are a closed set."""
    detail = Any()
    detail.Pack(ErrorInfo(reason="QUOTA", domain="googleapis.com", metadata={"a": "b"}))
    error = status.decode(Status(code=8, message="stop", details=[detail]))

    assert (error.reason, dict(error.metadata)) == ("RESOURCE_LIMIT", {})


@pytest.mark.parametrize("packed", [b"\xff\xff", b"", Status(code=5, message="other").SerializeToString(), "text"])
def test_details_that_do_not_fit_the_code_are_ignored(packed: bytes | str) -> None:
    """The code is what proxies acted upon; details that are broken or disagree with it do not replace it."""
    error = status.from_grpc(grpc.StatusCode.UNAVAILABLE, "gone", {status.DETAILS_KEY: packed})

    assert (error.kind, error.reason, error.message) == (Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", "gone")


@given(
    st.sampled_from(["ErrorInfo", "BadRequest", "RetryInfo", "Help"]), st.binary(max_size=40), st.binary(max_size=60)
)
def test_no_peer_can_break_the_reader(kind: str, value: bytes, packed: bytes) -> None:
    """Whatever a peer puts into the details, a failed call ends as a MeshError with the code's kind."""
    detail = Any(type_url=f"type.googleapis.com/google.rpc.{kind}", value=value)
    crooked = Status(code=14, message="gone", details=[detail]).SerializeToString()

    for details in (crooked, packed):
        error = status.from_grpc(grpc.StatusCode.UNAVAILABLE, "gone", {status.DETAILS_KEY: details})
        assert error.kind is Kind.UNAVAILABLE


def test_the_unexpected_says_only_where_to_look() -> None:
    """What nobody foresaw reaches the wire as one fixed sentence and the request id."""
    error = status.unexpected("r-1")

    assert parts(error) == (WorldError, Kind.INTERNAL, "INTERNAL", status.UNEXPECTED, {"request_id": "r-1"}, (), None)
