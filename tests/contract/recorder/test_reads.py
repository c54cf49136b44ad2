"""RecorderService on the wire: finding and listing records, and every reason why not."""

import base64
from collections.abc import AsyncIterable, Awaitable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import Kind, MeshError
from tests.contract.promises import reasons
from tests.contract.recorder.client import OTHER, Stub, append, at, calling, entry, recording
from tests.fakes.postgres import Database


async def test_lists(stub: Stub) -> None:
    """Records are listed in log order, by decision, kind and time, page by page, without payloads."""
    for n in range(7):
        kind = pb.RECORD_KIND_ATTEMPT if n % 2 else pb.RECORD_KIND_DECISION
        await append(stub, f"k{n}", kind=kind, decision_id=f"d{n // 2}")

    async def indexes(**request: Any) -> list[int]:
        reply = await stub.ListRecords(pb.ListRecordsRequest(**request))
        assert not any(record.payload for record in reply.records)
        return [record.position.index for record in reply.records]

    recorded = (await stub.ListRecords(pb.ListRecordsRequest())).records[3].recorded_at
    first = await stub.ListRecords(pb.ListRecordsRequest(page_size=4))
    assert await indexes() == list(range(7))
    assert await indexes(decision_id="d1") == [2, 3]
    assert await indexes(kind=pb.RECORD_KIND_ATTEMPT) == [1, 3, 5]
    assert await indexes(since=recorded) == [3, 4, 5, 6]
    assert await indexes(until=recorded) == [0, 1, 2]
    assert await indexes(origin="evidence/local/acme/1999h1") == []
    assert await indexes(page_size=4, page_token=first.next_page_token) == [4, 5, 6]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"page_size": 1001}, "FIELD_OUT_OF_RANGE"),
        ({"page_size": -1}, "FIELD_OUT_OF_RANGE"),
        ({"page_token": "?"}, "FIELD_MALFORMED"),
        ({"page_token": base64.b64encode(b"x 9223372036854775808").decode()}, "FIELD_MALFORMED"),
        ({"page_token": base64.b64encode(b"\0 1").decode()}, "FIELD_MALFORMED"),
        ({"origin": "\0"}, "FIELD_MALFORMED"),
        ({"decision_id": "\0"}, "FIELD_MALFORMED"),
        ({"decision_id": "d" * 129}, "FIELD_TOO_LONG"),
        ({"kind": 99}, "ENUM_UNKNOWN"),
        ({"since": Timestamp(seconds=1 << 60)}, "FIELD_MALFORMED"),
        ({"since": Timestamp(seconds=9), "until": Timestamp(seconds=9)}, "FIELD_OUT_OF_RANGE"),
    ],
)
async def test_refused_lists(stub: Stub, request_: dict[str, Any], reason: str) -> None:
    """A page that cannot be is refused."""
    with pytest.raises(MeshError, match=reason):
        await stub.ListRecords(pb.ListRecordsRequest(**request_))
    assert reason in reasons("recorder")["ListRecords"]


async def answer(reply: Awaitable[object] | AsyncIterable[object]) -> None:
    """Wait for a reply, or for the first of a stream."""
    if isinstance(reply, AsyncIterable):
        await anext(aiter(reply))
    else:
        await reply


NOT_THERE: dict[str, tuple[str, Any, Kind, str]] = {
    "record by decision": ("GetRecord", pb.GetRecordRequest(decision_id="none"), Kind.NOT_FOUND, "RECORD_NOT_FOUND"),
    "record by index": ("GetRecord", pb.GetRecordRequest(at=at(9)), Kind.NOT_FOUND, "RECORD_NOT_FOUND"),
    "record by log": ("GetRecord", pb.GetRecordRequest(at=at(0, "x")), Kind.NOT_FOUND, "RECORD_NOT_FOUND"),
    "record by no name": ("GetRecord", pb.GetRecordRequest(decision_id="\0"), Kind.INVALID, "FIELD_MALFORMED"),
    "record by no log's name": ("GetRecord", pb.GetRecordRequest(at=at(0, "\0")), Kind.INVALID, "FIELD_MALFORMED"),
    "checkpoint by no name": ("GetCheckpoint", pb.GetCheckpointRequest(origin="\0"), Kind.INVALID, "FIELD_MALFORMED"),
    "record without key": ("GetRecord", pb.GetRecordRequest(), Kind.INVALID, "FIELD_REQUIRED"),
    "proof by decision": (
        "GetInclusionProof",
        pb.GetInclusionProofRequest(decision_id="none"),
        Kind.NOT_FOUND,
        "RECORD_NOT_FOUND",
    ),
    "proof by log": ("GetInclusionProof", pb.GetInclusionProofRequest(at=at(0, "x")), Kind.NOT_FOUND, "LOG_NOT_FOUND"),
    "proof by index": (
        "GetInclusionProof",
        pb.GetInclusionProofRequest(at=at(9)),
        Kind.OUT_OF_RANGE,
        "INDEX_OUT_OF_RANGE",
    ),
    "proof without key": ("GetInclusionProof", pb.GetInclusionProofRequest(), Kind.INVALID, "FIELD_REQUIRED"),
    "consistency of no log": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(origin="x", from_size=1),
        Kind.NOT_FOUND,
        "LOG_NOT_FOUND",
    ),
    "consistency from nothing": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(from_size=0),
        Kind.INVALID,
        "FIELD_OUT_OF_RANGE",
    ),
    "consistency backwards": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(from_size=1, to_size=-1),
        Kind.INVALID,
        "FIELD_OUT_OF_RANGE",
    ),
    "consistency beyond": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(from_size=1, to_size=9),
        Kind.OUT_OF_RANGE,
        "INDEX_OUT_OF_RANGE",
    ),
    "checkpoint of no log": ("GetCheckpoint", pb.GetCheckpointRequest(origin="x"), Kind.NOT_FOUND, "LOG_NOT_FOUND"),
}


@pytest.mark.parametrize("case", NOT_THERE)
async def test_what_is_not_there(stub: Stub, case: str) -> None:
    """Each read of something that does not exist has its reason."""
    method, request, kind, reason = NOT_THERE[case]
    await append(stub)

    with pytest.raises(MeshError) as raised:
        await answer(getattr(stub, method)(request))

    assert (raised.value.kind, raised.value.reason) == (kind, reason)
    assert reason in reasons("recorder")[method]


async def test_tenants_do_not_see_each_other(database: Database, keys: Path) -> None:
    """Another tenant's record, log and proof do not exist, even by their exact names; its keys are its own."""
    async with recording(database, keys) as recorder, calling(recorder) as acme, calling(recorder, OTHER) as other:
        origin = (await append(acme)).position.origin
        calls: list[Awaitable[object]] = [
            other.GetRecord(pb.GetRecordRequest(decision_id="decision-1")),
            other.GetRecord(pb.GetRecordRequest(at=at(0, origin))),
            other.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0, origin))),
            other.GetConsistencyProof(pb.GetConsistencyProofRequest(origin=origin, from_size=1)),
            other.GetCheckpoint(pb.GetCheckpointRequest(origin=origin)),
        ]
        for call in calls:
            with pytest.raises(MeshError) as raised:
                await call
            assert raised.value.kind is Kind.NOT_FOUND
        assert not (await other.ListRecords(pb.ListRecordsRequest(origin=origin))).records
        theirs = (await append(other, payload=b"theirs")).position

    assert (theirs.index, theirs.origin) == (0, origin.replace("/acme/", "/other/"))


async def test_lists_by_attribute(stub: Stub) -> None:
    """Decisions are found by verdict, model, critic and any attribute, all of which must hold."""
    made: list[dict[str, str]] = [
        {"verdict": "deny", "model": "tiny", "critic.rights": "3"},
        {"verdict": "deny", "model": "large"},
        {"verdict": "allow", "model": "tiny", "critic.truth": "unavailable", "released": "yes"},
        {"verdict": "deny", "broken": "\0"},
    ]
    for n, attributes in enumerate(made):
        await append(stub, f"k{n}", decision_id=f"d{n}", attributes=attributes)

    async def indexes(**request: Any) -> list[int]:
        reply = await stub.ListRecords(pb.ListRecordsRequest(**request))
        return [record.position.index for record in reply.records]

    assert await indexes(verdict="deny") == [0, 1]
    assert await indexes(model="tiny") == [0, 2]
    assert await indexes(verdict="deny", model="tiny", kind=pb.RECORD_KIND_DECISION) == [0]
    assert await indexes(critic="rights") == [0]
    assert await indexes(critic="truth", attributes={"released": "yes"}) == [2]
    assert await indexes(critic="risk") == []
    assert await indexes() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({f"a{n}": "" for n in range(6)}, "FIELD_TOO_LONG"),
        ({"a": "x" * 201}, "FIELD_TOO_LONG"),
        ({"Ä": "x"}, "FIELD_MALFORMED"),
        ({"a": "\0"}, "FIELD_MALFORMED"),
    ],
)
async def test_refused_attributes(stub: Stub, attributes: dict[str, str], reason: str) -> None:
    """What no attribute can be is refused, not silently found nowhere."""
    with pytest.raises(MeshError, match=reason):
        await stub.ListRecords(pb.ListRecordsRequest(attributes=attributes))


TOKEN = base64.urlsafe_b64encode(b"evidence/local/acme/1999h1 7").decode()
CONTRADICTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"verdict": "deny", "kind": pb.RECORD_KIND_ATTEMPT}, "verdict", "kind"),
    ({"model": "tiny", "kind": pb.RECORD_KIND_INTENT}, "model", "kind"),
    ({"critic": "risk", "kind": pb.RECORD_KIND_SECURITY}, "critic", "kind"),
    ({"open_intents": True, "kind": pb.RECORD_KIND_OUTCOME}, "open_intents", "kind"),
    ({"open_intents": True, "critic": "risk"}, "critic", "open_intents"),
    ({"verdict": "deny", "attributes": {"verdict": "allow"}}, "verdict", "attributes.verdict"),
    ({"page_token": TOKEN, "origin": "evidence/local/acme/2026h2"}, "page_token", "origin"),
]


@pytest.mark.parametrize(("request_", "field", "other"), CONTRADICTIONS)
async def test_filters_that_exclude_each_other(stub: Stub, request_: dict[str, Any], field: str, other: str) -> None:
    """What no record could meet is refused with both fields, not answered with an empty page."""
    with pytest.raises(MeshError, match="FILTERS_CONTRADICT") as refused:
        await stub.ListRecords(pb.ListRecordsRequest(**request_))

    assert refused.value.kind is Kind.INVALID
    assert (refused.value.metadata["field"], refused.value.metadata["other"]) == (field, other)
    assert "FILTERS_CONTRADICT" in reasons("recorder")["ListRecords"]


async def test_pages_of_a_hundred_and_of_a_thousand(stub: Stub) -> None:
    """A page has 100 records unless told and up to 1000; walking pages gives every record once."""
    entries = [entry(f"k{n}", decision_id=f"d{n}") for n in range(1001)]
    for at_once in (entries[:1000], entries[1000:]):
        _ = [answer async for answer in stub.AppendStream(iter([pb.AppendStreamRequest(entries=at_once)]))]
    usual = await stub.ListRecords(pb.ListRecordsRequest())
    most = await stub.ListRecords(pb.ListRecordsRequest(page_size=1000))
    rest = await stub.ListRecords(pb.ListRecordsRequest(page_size=1000, page_token=most.next_page_token))

    assert (len(usual.records), bool(usual.next_page_token)) == (100, True)
    assert (len(most.records), len(rest.records), rest.next_page_token) == (1000, 1, "")
    assert [record.position.index for record in (*most.records, *rest.records)] == list(range(1001))
