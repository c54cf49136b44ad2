"""RecorderService: from the wire to the recorder's parts and back; nothing is decided here."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1 import recorder_pb2_grpc as rpc
from services.chassis.call import remaining_s, tenant
from services.chassis.errors import MeshError, invalid
from services.recorder.archive import Archive, Found, Place
from services.recorder.core.envelope import Draft
from services.recorder.intake import Intake
from services.recorder.ports import Query, Stored, Written
from services.recorder.prover import Prover
from services.recorder.publisher import Publisher
from services.recorder.unordered import in_any_order

KIND_PREFIX = "RECORD_KIND_"
STREAM_RECORDS = 500
"""Records of one stream that may wait for their commit; the sender of more is slowed down."""
_Context = grpc.aio.ServicerContext[object, object]


class RecorderServicer(rpc.RecorderServiceServicer):
    """Answers for one process of the recorder."""

    def __init__(self, intake: Intake, archive: Archive, prover: Prover, publisher: Publisher) -> None:
        self._intake, self._archive = intake, archive
        self._prover, self._publisher = prover, publisher

    async def Append(self, request: pb.AppendRequest, _: _Context) -> pb.AppendResponse:
        """Record one entry."""
        written = await self._intake.append(_draft(request.entry), remaining_s())
        return pb.AppendResponse(position=_position(written), already_recorded=written.already_recorded)

    async def AppendStream(
        self, requests: AsyncIterator[pb.AppendStreamRequest], _: _Context
    ) -> AsyncIterator[pb.AppendStreamResponse]:
        """Record many entries, each answered as soon as it is durable."""
        async with aclosing(in_any_order(requests, self._append_one, limit=STREAM_RECORDS)) as answers:
            async for answer in answers:
                yield answer

    async def GetRecord(self, request: pb.GetRecordRequest, _: _Context) -> pb.GetRecordResponse:
        """Return one record with its payload."""
        found = await self._archive.find(tenant(), _place(request))
        return pb.GetRecordResponse(record=_opened(found))

    async def ListRecords(self, request: pb.ListRecordsRequest, _: _Context) -> pb.ListRecordsResponse:
        """Return a page of records."""
        query = Query(
            kind=_kind(request.kind) if request.kind else "",
            decision_id=request.decision_id,
            since=_instant("since", request.since) if request.HasField("since") else None,
            until=_instant("until", request.until) if request.HasField("until") else None,
            limit=request.page_size,
        )
        page = await self._archive.list(tenant(), request.origin, query, request.page_token)
        return pb.ListRecordsResponse(records=map(_record, page.records), next_page_token=page.next_token)

    async def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, _: _Context
    ) -> pb.GetInclusionProofResponse:
        """Prove that a record is in its log."""
        found = await self._archive.find_to_prove(tenant(), _place(request))
        proof = await self._prover.inclusion(found.head, found.record.index)
        return pb.GetInclusionProofResponse(
            position=_position(found.record),
            tree_size=proof.signed.checkpoint.size,
            hashes=proof.path,
            checkpoint=proof.signed.note,
            record=_opened(found),
        )

    async def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, _: _Context
    ) -> pb.GetConsistencyProofResponse:
        """Prove that a log only grew."""
        head = await self._archive.log(tenant(), request.origin)
        proof = await self._prover.consistency(head, request.from_size, request.to_size)
        return pb.GetConsistencyProofResponse(
            from_size=proof.first,
            to_size=proof.second,
            hashes=proof.path,
            from_root=proof.first_root,
            to_root=proof.second_root,
            checkpoint=proof.signed.note,
        )

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, _: _Context) -> pb.GetCheckpointResponse:
        """Return a signed checkpoint of all that is committed."""
        head = await self._archive.log(tenant(), request.origin)
        signed = await self._prover.checkpoint(head)
        return pb.GetCheckpointResponse(
            checkpoint=signed.note,
            tree_size=signed.checkpoint.size,
            root=signed.checkpoint.root,
            verifier_key=self._publisher.verifier_key(head.origin),
            origin=head.origin,
        )

    async def _append_one(self, request: pb.AppendStreamRequest) -> pb.AppendStreamResponse:
        key = request.entry.idempotency_key
        try:
            written = await self._intake.append(_draft(request.entry), remaining_s())
        except MeshError as error:  # the contract answers a refused record in the stream instead of ending it
            return pb.AppendStreamResponse(idempotency_key=key, reason=error.reason, message=error.message)
        return pb.AppendStreamResponse(
            idempotency_key=key, position=_position(written), already_recorded=written.already_recorded
        )


def _draft(entry: pb.Entry) -> Draft:
    return Draft(
        tenant=tenant(),
        idempotency_key=entry.idempotency_key,
        kind=_kind(entry.kind),
        decision_id=entry.decision_id,
        subject_id=entry.subject_id,
        payload=entry.payload,
        content_type=entry.content_type,
        attributes=dict(entry.attributes),
        occurred_at=_instant("occurred_at", entry.occurred_at) if entry.HasField("occurred_at") else None,
    )


def _kind(number: int) -> str:
    value = pb.RecordKind.DESCRIPTOR.values_by_number.get(number)
    if value is None or number == pb.RECORD_KIND_UNSPECIFIED:
        raise invalid("kind", "must be one of RecordKind", reason="ENUM_UNKNOWN", value=number)
    return value.name.removeprefix(KIND_PREFIX)


def _instant(field: str, timestamp: Timestamp) -> datetime:
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(field, "must be a time from year 1 to 9999", reason="FIELD_MALFORMED") from error


def _place(request: pb.GetRecordRequest | pb.GetInclusionProofRequest) -> Place:
    if request.HasField("at"):
        return Place(origin=request.at.origin, index=request.at.index)
    if not request.decision_id:
        raise invalid("key", "must name a decision or a place in a log", reason="FIELD_REQUIRED")
    return Place(decision_id=request.decision_id)


def _position(stored: Stored | Written) -> pb.Position:
    return pb.Position(origin=stored.origin, index=stored.index, leaf_hash=stored.leaf)


def _record(stored: Stored) -> pb.Record:
    recorded_at = Timestamp()
    recorded_at.FromDatetime(stored.recorded_at)
    return pb.Record(
        position=_position(stored),
        envelope=stored.envelope,
        content_type=stored.content_type,
        kind=pb.RecordKind.Value(KIND_PREFIX + stored.kind),
        decision_id=stored.decision_id,
        recorded_at=recorded_at,
    )


def _opened(found: Found) -> pb.Record:
    record = _record(found.record)
    record.payload = found.payload
    record.commitment_nonce = found.salt
    return record
