"""RecorderService: from the wire to the recorder's parts and back; nothing is decided here."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1 import recorder_pb2_grpc as rpc
from services.chassis.call import current, remaining_s, tenant
from services.recorder.keeping.eraser import Eraser
from services.recorder.ports import Keyring, SignedCheckpoint
from services.recorder.reading.archive import Archive
from services.recorder.reading.desk import Desk
from services.recorder.reading.exporter import Earlier, Exporter, Hashes, Opening, Piece
from services.recorder.reading.prover import Prover
from services.recorder.servicer import replies, requests
from services.recorder.servicer.appends import Appends
from services.recorder.writing.intake import Intake

_Context = grpc.aio.ServicerContext[object, object]


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
        self._appends, self._archive = Appends(intake=intake), archive
        self._prover, self._desk = prover, desk
        self._exporter, self._eraser, self._keyring = exporter, eraser, keyring

    async def Append(self, request: pb.AppendRequest, _: _Context) -> pb.AppendResponse:
        """Record one entry."""
        return await self._appends.append(request)

    async def AppendStream(
        self, messages: AsyncIterator[pb.AppendStreamRequest], _: _Context
    ) -> AsyncIterator[pb.AppendStreamResponse]:
        """Record many entries, each answered as soon as it is durable."""
        async with aclosing(self._appends.append_stream(messages)) as answers:
            async for answer in answers:
                yield answer

    async def GetRecord(self, request: pb.GetRecordRequest, _: _Context) -> pb.GetRecordResponse:
        """Return one record with its payload."""
        found = await self._archive.find(tenant(), requests.place(request))
        return pb.GetRecordResponse(record=replies.opened(found))

    async def ListRecords(self, request: pb.ListRecordsRequest, _: _Context) -> pb.ListRecordsResponse:
        """Return a page of records."""
        page = await self._archive.list(tenant(), request.origin, requests.query(request), request.page_token)
        return pb.ListRecordsResponse(records=map(replies.record, page.records), next_page_token=page.next_token)

    async def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, _: _Context
    ) -> pb.GetInclusionProofResponse:
        """Prove that a record is in its log."""
        found = await self._archive.find_to_prove(tenant(), requests.place(request))
        proof = await self._prover.inclusion(found.head, found.record.index)
        return pb.GetInclusionProofResponse(
            position=replies.position(found.record),
            tree_size=proof.signed.checkpoint.size,
            hashes=proof.path,
            checkpoint=proof.signed.note,
            record=replies.opened(found),
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
        pieces = self._exporter.export(head, requests.export(request), current().principal.subject, remaining_s())
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, SignedCheckpoint) and (seen := await self._witnessed(piece)):
                    yield pb.ExportResponse(witnessed=seen)
                yield self._piece(piece)

    def _piece(self, piece: Piece) -> pb.ExportResponse:
        if isinstance(piece, Opening):
            return pb.ExportResponse(log=replies.opening(piece, self._desk.verifier_keys(piece.origin)))
        if isinstance(piece, Hashes):
            tile = pb.Tile(level=piece.tile.level, number=piece.tile.number, hashes=piece.hashes)
            return pb.ExportResponse(tile=tile)
        if isinstance(piece, Earlier):
            return pb.ExportResponse(earlier_checkpoint=piece.signed.note)
        if isinstance(piece, SignedCheckpoint):
            return pb.ExportResponse(checkpoint=piece.note)
        return pb.ExportResponse(records=pb.ExportedRecords(records=map(replies.exported, piece)))

    async def EraseSubject(self, request: pb.EraseSubjectRequest, _: _Context) -> pb.EraseSubjectResponse:
        """Make all content about one person unreadable."""
        erased = await self._eraser.erase(
            tenant(), request.subject_id, request.legal_basis, current().request_id, request.reference
        )
        position = replies.position(erased.position) if erased.position else None
        return pb.EraseSubjectResponse(erased_count=erased.count, position=position)

    async def RotateTenantKey(self, _: pb.RotateTenantKeyRequest, __: _Context) -> pb.RotateTenantKeyResponse:
        """Give the tenant a new key."""
        version, rewrapped = await self._keyring.rotate(tenant())
        return pb.RotateTenantKeyResponse(version=version, rewrapped_count=rewrapped)

    async def _witnessed(self, signed: SignedCheckpoint) -> pb.Witnessed | None:
        if (seen := signed.sighting) is None:
            return None
        return pb.Witnessed(checkpoint=seen.note, index=seen.index, hashes=await self._desk.sighting_path(seen))
