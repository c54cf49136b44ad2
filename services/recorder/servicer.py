"""RecorderService: from the wire to the recorder's parts and back; nothing is decided here."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1 import recorder_pb2_grpc as rpc
from services.chassis.call import current, remaining_s, tenant
from services.chassis.errors import MeshError, invalid
from services.chassis.status import unexpected
from services.recorder.archive import Archive, Found, Place
from services.recorder.core.custody import Erasure
from services.recorder.core.envelope import Draft
from services.recorder.core.filter import Filter
from services.recorder.core.notice import check_producer
from services.recorder.desk import Desk
from services.recorder.eraser import Eraser
from services.recorder.exporter import Earlier, Exported, Exporter, Hashes, Opening, Piece, Wanted
from services.recorder.intake import Intake, Outcome
from services.recorder.ports import Keyring, Query, SignedCheckpoint, Stored, Written
from services.recorder.prover import Prover
from services.recorder.unordered import in_any_order

KIND_PREFIX = "RECORD_KIND_"
KINDS: Mapping[int, str] = {number: name.removeprefix(KIND_PREFIX) for name, number in pb.RecordKind.items() if number}
"""Name of each kind that a record can have."""
BODY_PREFIX = "BODY_STATE_"
STREAM_MESSAGES = 500
"""Messages of one stream that may wait for their commit; the sender of more is slowed down."""
MESSAGE_RECORDS = 1000
COMPANIONS = 10
"""Records that may come with another in one call."""
GROUP_RECORDS = 50
"""Records that are made ready in one go: few milliseconds in which no other call is served."""
_Context = grpc.aio.ServicerContext[object, object]
_Answer = TypeVar("_Answer", pb.AppendStreamResponse, pb.Acknowledgement)


class RecorderServicer(rpc.RecorderServiceServicer):
    """Answers for one process of the recorder."""

    def __init__(
        self,
        *,
        intake: Intake,
        archive: Archive,
        prover: Prover,
        exporter: Exporter,
        desk: Desk,
        eraser: Eraser,
        keyring: Keyring,
    ) -> None:
        self._intake, self._archive = intake, archive
        self._prover, self._desk = prover, desk
        self._exporter, self._eraser, self._keyring = exporter, eraser, keyring

    async def Append(self, request: pb.AppendRequest, _: _Context) -> pb.AppendResponse:
        """Record one entry."""
        if len(request.companions) > COMPANIONS:
            problem, given = f"must be at most {COMPANIONS}", len(request.companions)
            raise invalid("companions", problem, reason="FIELD_TOO_LONG", value=given)
        drafts = [_draft(entry) for entry in (request.entry, *request.companions)]
        placed = [_placed(outcome) for outcome in await self._intake.append_all(drafts, remaining_s())]
        written = placed[0]
        return pb.AppendResponse(position=_position(written), already_recorded=written.already_recorded)

    async def AppendStream(
        self, requests: AsyncIterator[pb.AppendStreamRequest], _: _Context
    ) -> AsyncIterator[pb.AppendStreamResponse]:
        """Record many entries, each answered as soon as it is durable."""
        async with aclosing(in_any_order(requests, self._answer, limit=STREAM_MESSAGES)) as answers:
            async for answer in answers:
                yield answer

    async def GetRecord(self, request: pb.GetRecordRequest, _: _Context) -> pb.GetRecordResponse:
        """Return one record with its payload."""
        found = await self._archive.find(tenant(), _place(request))
        return pb.GetRecordResponse(record=_opened(found))

    async def ListRecords(self, request: pb.ListRecordsRequest, _: _Context) -> pb.ListRecordsResponse:
        """Return a page of records."""
        wanted = Filter(
            kind=_kind(request.kind) if request.kind else "",
            attributes=dict(request.attributes),
            verdict=request.verdict,
            model=request.model,
            critic=request.critic,
            open_intents=request.open_intents,
            since=_instant("since", request.since) if request.HasField("since") else None,
            until=_instant("until", request.until) if request.HasField("until") else None,
        )
        query = Query(
            kind=wanted.wanted_kind,
            decision_id=request.decision_id,
            since=wanted.since,
            until=wanted.until,
            facts=wanted.facts,
            open_intents=wanted.open_intents,
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
            witnessed=await self._witnessed(proof.signed),
        )

    async def BatchGetInclusionProofs(
        self, request: pb.BatchGetInclusionProofsRequest, _: _Context
    ) -> pb.BatchGetInclusionProofsResponse:
        """Prove that many records are in one log."""
        head = await self._archive.log(tenant(), request.origin)
        proof = await self._prover.inclusions(head, request.indexes)
        return pb.BatchGetInclusionProofsResponse(
            origin=head.origin,
            tree_size=proof.signed.checkpoint.size,
            checkpoint=proof.signed.note,
            proofs=[pb.InclusionProof(index=p.index, leaf_hash=p.leaf, hashes=p.hashes) for p in proof.paths],
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
            verifier_key=self._desk.verifier_key(signed),
            origin=head.origin,
            witnessed=await self._witnessed(signed),
        )

    async def Export(self, request: pb.ExportRequest, _: _Context) -> AsyncIterator[pb.ExportResponse]:
        """Hand out a range of a log."""
        head = await self._archive.log(tenant(), request.origin)
        pieces = self._exporter.export(head, _export(request), current().principal.subject, remaining_s())
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, SignedCheckpoint) and (seen := await self._witnessed(piece)):
                    yield pb.ExportResponse(witnessed=seen)
                yield self._piece(piece)

    def _piece(self, piece: Piece) -> pb.ExportResponse:
        if isinstance(piece, Opening):
            return pb.ExportResponse(log=_opening(piece, self._desk.verifier_keys(piece.origin)))
        if isinstance(piece, Hashes):
            tile = pb.Tile(level=piece.tile.level, number=piece.tile.number, hashes=piece.hashes)
            return pb.ExportResponse(tile=tile)
        if isinstance(piece, Earlier):
            return pb.ExportResponse(earlier_checkpoint=piece.signed.note)
        if isinstance(piece, SignedCheckpoint):
            return pb.ExportResponse(checkpoint=piece.note)
        return pb.ExportResponse(records=pb.ExportedRecords(records=map(_exported, piece)))

    async def EraseSubject(self, request: pb.EraseSubjectRequest, _: _Context) -> pb.EraseSubjectResponse:
        """Make all content about one person unreadable."""
        erased = await self._eraser.erase(
            tenant(), request.subject_id, request.legal_basis, current().request_id, request.reference
        )
        position = _position(erased.position) if erased.position else None
        return pb.EraseSubjectResponse(erased_count=erased.count, position=position)

    async def RotateTenantKey(self, _: pb.RotateTenantKeyRequest, __: _Context) -> pb.RotateTenantKeyResponse:
        """Give the tenant a new key."""
        version, rewrapped = await self._keyring.rotate(tenant())
        return pb.RotateTenantKeyResponse(version=version, rewrapped_count=rewrapped)

    async def _witnessed(self, signed: SignedCheckpoint) -> pb.Witnessed | None:
        if (seen := signed.sighting) is None:
            return None
        return pb.Witnessed(checkpoint=seen.note, index=seen.index, hashes=await self._desk.sighting_path(seen))

    async def _answer(self, request: pb.AppendStreamRequest) -> pb.AppendStreamResponse:
        """Record one message of a stream; the contract answers a refused record there instead of ending it."""
        if not request.entries:
            (answer,) = await self._append_all(pb.AppendStreamResponse, [request.entry])
            return answer
        many = request.entries
        if len(many) > MESSAGE_RECORDS:
            raise invalid("entries", f"must be at most {MESSAGE_RECORDS}", reason="FIELD_TOO_LONG", value=len(many))
        groups = [many[at : at + GROUP_RECORDS] for at in range(0, len(many), GROUP_RECORDS)]
        answers = await asyncio.gather(*(self._append_all(pb.Acknowledgement, group) for group in groups))
        return pb.AppendStreamResponse(acknowledgements=[answer for group in answers for answer in group])

    async def _append_all(self, form: type[_Answer], entries: Sequence[pb.Entry]) -> list[_Answer]:
        """Record entries that came together; return what became of each."""
        drafts = [_tried(entry) for entry in entries]
        good = [draft for draft in drafts if isinstance(draft, Draft)]
        outcomes = iter(await self._intake.append_all(good, remaining_s()) if good else ())
        return [
            _acknowledged(form, entry.idempotency_key, next(outcomes) if isinstance(draft, Draft) else draft)
            for entry, draft in zip(entries, drafts, strict=True)
        ]


def _placed(outcome: Outcome) -> Written:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _tried(entry: pb.Entry) -> Draft | MeshError:
    try:
        return _draft(entry)
    except MeshError as error:
        return error


def _acknowledged(form: type[_Answer], key: str, outcome: Outcome) -> _Answer:
    if isinstance(outcome, Written):
        return form(idempotency_key=key, position=_position(outcome), already_recorded=outcome.already_recorded)
    if not isinstance(outcome, MeshError):
        outcome = unexpected(current().request_id)
    answer = form(idempotency_key=key, reason=outcome.reason, message=outcome.message, metadata=dict(outcome.metadata))
    if outcome.retry_after_s is not None:
        answer.retry_after.FromNanoseconds(round(outcome.retry_after_s * 1e9))
    return answer


def _draft(entry: pb.Entry) -> Draft:
    draft = Draft(
        tenant=tenant(),
        idempotency_key=entry.idempotency_key,
        kind=_kind(entry.kind),
        decision_id=entry.decision_id,
        subject_id=entry.subject_id,
        requester_id=entry.requester_id,
        payload=entry.payload,
        content_type=entry.content_type,
        attributes=dict(entry.attributes.items()),
        intent=entry.intent_key,
        producer=current().caller,
        occurred_at=_instant("occurred_at", entry.occurred_at) if entry.HasField("occurred_at") else None,
    )
    return check_producer(draft)


def _kind(number: int) -> str:
    name = KINDS.get(number)
    if name is None:
        raise invalid("kind", "must be one of RecordKind", reason="ENUM_UNKNOWN", value=number)
    return name


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


def _position(stored: Stored | Written | Erasure) -> pb.Position:
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
        idempotency_key=stored.key,
        intent_key=stored.intent,
    )


def _opened(found: Found) -> pb.Record:
    return _with_body(found.record, found.payload, found.salt)


def _with_body(stored: Stored, payload: bytes, salt: bytes) -> pb.Record:
    record = _record(stored)
    record.payload = payload
    record.commitment_nonce = salt
    if body := stored.body:
        record.body_state = pb.BodyState.Value(BODY_PREFIX + body.state)
        if erasure := body.erasure:
            record.erasure_basis = erasure.basis
            record.erasure.MergeFrom(_position(erasure))
    return record


def _export(request: pb.ExportRequest) -> Wanted:
    return Wanted(
        start=request.start_index,
        stop=request.end_index,
        since=_instant("since", request.since) if request.HasField("since") else None,
        until=_instant("until", request.until) if request.HasField("until") else None,
        opened=request.include_payloads,
        sealed=request.include_sealed,
        subject_id=request.subject_id,
    )


def _opening(piece: Opening, verifier_keys: Sequence[str]) -> pb.ExportedLog:
    exported_at = Timestamp()
    exported_at.FromDatetime(piece.exported_at)
    return pb.ExportedLog(
        origin=piece.origin,
        tree_size=piece.extent.size,
        start_index=piece.extent.start,
        end_index=piece.extent.stop,
        verifier_keys=verifier_keys,
        exported_at=exported_at,
    )


def _exported(exported: Exported) -> pb.Record:
    record = _with_body(exported.record, exported.payload, exported.salt)
    record.sealed_body = exported.sealed
    return record
