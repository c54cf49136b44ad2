"""What a caller may get wrong: each gets its documented status and reason, and the next good call works."""

from collections.abc import AsyncIterator

import grpc
import pytest

from magistrate.common.v1.task_pb2 import DOMAIN_UNSPECIFIED
from magistrate.engine.v1.engine_pb2 import DecideRequest, GetDecisionRequest
from tests.e2e.mesh.mesh import Changes, Client, Failure, question
from tests.fakes.mesh import unary

DECIDE = "/magistrate.engine.v1.EngineService/Decide"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
MALFORMED = {
    "invalid UTF-8": b"\x0a\x06\x0a\x04ab\xff\xfe",
    "no protobuf": b"\xff\xff\xff\xff\xff\xff",
    "a cut message": b"\x0a\x7fabc",
    "a text where a message belongs": b"\x0a\x02\x0a\x7f",
}
BAD_QUESTIONS: list[tuple[str, Changes, str, str]] = [
    ("an empty query", {"query": ""}, "FIELD_REQUIRED", "question.query"),
    ("a blank query", {"query": " \n\t "}, "FIELD_REQUIRED", "question.query"),
    ("a query of 10,001 characters", {"query": "why " * 2500 + "?"}, "FIELD_TOO_LONG", "question.query"),
    (
        "a context of 10,001 characters",
        {"additional_context": "why " * 2500 + "?"},
        "FIELD_TOO_LONG",
        "question.additional_context",
    ),
    ("control characters", {"query": "why\x00\x01\x02\x03\x04\x05\x06\x07?"}, "TEXT_REJECTED", "question.query"),
    ("one character without end", {"query": "a" * 4000}, "TEXT_REJECTED", "question.query"),
    ("no domain", {"domain": DOMAIN_UNSPECIFIED}, "ENUM_UNKNOWN", "question.domain"),
    ("an unknown domain", {"domain": 99}, "ENUM_UNKNOWN", "question.domain"),  # type: ignore[typeddict-item]  # a later client
    ("a negative task type", {"task_type": -1}, "ENUM_UNKNOWN", "question.task_type"),  # type: ignore[typeddict-item]  # the same
    ("a temperature beyond its range", {"temperature": 2.5}, "FIELD_OUT_OF_RANGE", "question.temperature"),
    ("a temperature that is no number", {"temperature": float("nan")}, "FIELD_OUT_OF_RANGE", "question.temperature"),
    ("too many tokens", {"max_output_tokens": 4001}, "FIELD_OUT_OF_RANGE", "question.max_output_tokens"),
    ("a path as a pack", {"context_pack_id": "../etc"}, "FIELD_MALFORMED", "question.context_pack_id"),
]


@pytest.fixture(autouse=True)
async def _nothing_is_lost(client: Client) -> AsyncIterator[None]:
    """After whatever a test sent, the same connection serves a good call, and its evidence verifies."""
    yield
    assert (await client.verified(await client.decide())).verified


@pytest.mark.spec("EDG-12", "EDG-15", "ENG-02")
@pytest.mark.parametrize(
    ("fields", "reason", "field"), [case[1:] for case in BAD_QUESTIONS], ids=[case[0] for case in BAD_QUESTIONS]
)
async def test_a_bad_field_is_named(client: Client, fields: Changes, reason: str, field: str) -> None:
    """INVALID_ARGUMENT with the reason and the field."""
    failure = await client.refused(DecideRequest(question=question(**fields)))

    assert failure == Failure(INVALID, reason, (field,))


async def test_a_missing_question_is_refused(client: Client) -> None:
    """An empty request says what is missing or unset."""
    failure = await client.refused(DecideRequest())

    assert failure.code is INVALID
    assert failure.fields[0].startswith("question.")


@pytest.mark.spec("ENG-44")
async def test_an_unknown_pack_is_not_found(client: Client) -> None:
    """NOT_FOUND PACK_NOT_FOUND, strict context or not."""
    for strict in (False, True):
        asked = question(context_pack_id="no-such-pack", strict_context=strict)
        failure = await client.refused(DecideRequest(question=asked))

        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "PACK_NOT_FOUND")


async def test_an_unknown_decision_is_not_found(client: Client) -> None:
    """NOT_FOUND DECISION_NOT_FOUND."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.engine.GetDecision(GetDecisionRequest(decision_id="r-none"), **client.options)

    failure = Failure.of(caught.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "DECISION_NOT_FOUND")


@pytest.mark.spec("EDG-12")
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_bytes_that_are_no_request_are_refused(client: Client, body: bytes) -> None:
    """INVALID_ARGUMENT MESSAGE_MALFORMED, for whatever bytes."""
    failure = await _raw(client, DECIDE, body)

    assert (failure.code, failure.reason) == (INVALID, "MESSAGE_MALFORMED")


@pytest.mark.spec("EDG-16")
@pytest.mark.parametrize("mebibytes", [5, 20])
async def test_a_large_message_is_refused(client: Client, mebibytes: int) -> None:
    """RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE, from the service or, beyond its fence, from the proxy."""
    body = DecideRequest(question=question("x" * mebibytes * 1024 * 1024)).SerializeToString()
    failure = await _raw(client, DECIDE, body)

    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")


@pytest.mark.parametrize(
    "path", ["/magistrate.engine.v1.EngineService/Guess", "/magistrate.none.v1.NoService/Decide", "/x"]
)
async def test_an_unknown_method_is_named_as_such(client: Client, path: str) -> None:
    """UNIMPLEMENTED METHOD_UNKNOWN."""
    failure = await _raw(client, path, b"")

    assert (failure.code, failure.reason) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")


async def test_a_method_of_a_later_version_says_so(client: Client) -> None:
    """UNIMPLEMENTED NOT_YET_IMPLEMENTED."""
    failure = await _raw(client, "/magistrate.engine.v1.EngineService/ExecuteDecision", b"")

    assert (failure.code, failure.reason) == (grpc.StatusCode.UNIMPLEMENTED, "NOT_YET_IMPLEMENTED")


async def _raw(client: Client, path: str, body: bytes) -> Failure:
    """Return how a call of raw bytes ended."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await unary(client.channel, path)(body, **client.options)
    return Failure.of(caught.value)
