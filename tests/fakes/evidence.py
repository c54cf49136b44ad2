"""A recorder in memory: what is appended is listed and read back, and a test may erase it or take it away."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceServicer
from services.chassis.errors import CallerError, Kind, MeshError, not_found

ORIGIN = "evidence/test/acme/2026h2"


@dataclass
class FakeRecorder(RecorderServiceServicer):
    """One tenant's logs."""

    records: list[pb.Record] = field(default_factory=list)
    failure: MeshError | None = None
    """What Append raises, if anything."""
    now: Callable[[], datetime] = lambda: datetime(2026, 11, 20, 12, tzinfo=UTC)
    origin: str = ORIGIN

    async def Append(self, request: pb.AppendRequest, _: Any) -> pb.AppendResponse:  # noqa: N802
        """Keep what comes."""
        if self.failure:
            raise self.failure
        positions = [self._keep(entry) for entry in (request.entry, *request.companions)]
        return pb.AppendResponse(position=positions[0])

    async def GetRecord(self, request: pb.GetRecordRequest, _: Any) -> pb.GetRecordResponse:  # noqa: N802
        """Return one record."""
        for record in self.records:
            decision = record.kind == pb.RECORD_KIND_DECISION and record.decision_id == request.decision_id
            place = (record.position.origin, record.position.index) == (request.at.origin, request.at.index)
            if place if request.HasField("at") else decision:
                return pb.GetRecordResponse(record=record)
        raise not_found("RECORD_NOT_FOUND", "decision_id", request.decision_id)

    async def ListRecords(self, request: pb.ListRecordsRequest, _: Any) -> pb.ListRecordsResponse:  # noqa: N802
        """Return a page, by kind and time."""
        origin = request.origin or (self.records[-1].position.origin if self.records else "")
        found = [record for record in self.records if record.position.origin == origin and _wanted(record, request)]
        start = int(request.page_token or 0)
        page = found[start : start + request.page_size]
        more = start + request.page_size < len(found)
        return pb.ListRecordsResponse(records=page, next_page_token=str(start + request.page_size) if more else "")

    def kinds(self, kind: pb.RecordKind.ValueType) -> list[pb.Record]:
        """Return the records of one kind."""
        return [record for record in self.records if record.kind == kind]

    def _keep(self, entry: pb.Entry) -> pb.Position:
        if any(record.idempotency_key == entry.idempotency_key for record in self.records):
            raise CallerError(Kind.EXISTS, "IDEMPOTENCY_CONFLICT", "recorded before")
        index = sum(record.position.origin == self.origin for record in self.records)
        recorded_at = Timestamp()
        recorded_at.FromDatetime(self.now())
        envelope = json.dumps({"attributes": dict(entry.attributes)}).encode()
        record = pb.Record(
            position=pb.Position(origin=self.origin, index=index, leaf_hash=hashlib.sha256(envelope).digest()),
            envelope=envelope,
            payload=entry.payload,
            content_type=entry.content_type,
            kind=entry.kind,
            decision_id=entry.decision_id,
            recorded_at=recorded_at,
            idempotency_key=entry.idempotency_key,
            intent_key=entry.intent_key,
            body_state=pb.BODY_STATE_PRESENT,
        )
        self.records.append(record)
        return record.position


def _wanted(record: pb.Record, request: pb.ListRecordsRequest) -> bool:
    moment = record.recorded_at.ToDatetime()
    since = not request.HasField("since") or moment >= request.since.ToDatetime()
    until = not request.HasField("until") or moment < request.until.ToDatetime()
    return (not request.kind or record.kind == request.kind) and since and until
