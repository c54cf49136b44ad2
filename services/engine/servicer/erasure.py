"""ErasureService on the wire: convert and delegate."""

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.engine.v1 import engine_pb2 as pb
from magistrate.engine.v1 import engine_pb2_grpc
from services.engine.adapters import codec
from services.engine.core import question
from services.engine.core.erasure import OWNERS, Confirmation, Erasure
from services.engine.eraser import Eraser

_Context = grpc.aio.ServicerContext[object, object]


class ErasureServicer(engine_pb2_grpc.ErasureServiceServicer):
    """The erasure of a person at every owner."""

    def __init__(self, eraser: Eraser) -> None:
        self._eraser = eraser

    async def EraseSubject(self, request: pb.EraseSubjectRequest, _: _Context) -> pb.EraseSubjectResponse:
        """Erase a person."""
        erasure = await self._eraser.erase(request.subject_id, request.legal_basis)
        return pb.EraseSubjectResponse(erasure=_erasure(erasure))

    async def GetErasure(self, request: pb.GetErasureRequest, _: _Context) -> pb.GetErasureResponse:
        """Tell how far an erasure has come."""
        question.check_id("erasure_id", request.erasure_id)
        return pb.GetErasureResponse(erasure=_erasure(await self._eraser.get(request.erasure_id)))


def _erasure(erasure: Erasure) -> pb.Erasure:
    requested_at = Timestamp()
    requested_at.FromDatetime(erasure.requested_at)
    return pb.Erasure(
        erasure_id=erasure.erasure_id,
        legal_basis=erasure.legal_basis,
        requested_at=requested_at,
        evidence=codec.evidence(erasure.evidence) if erasure.evidence else None,
        owners=[_owner(owner, erasure.confirmed.get(owner)) for owner in OWNERS],
        complete=erasure.done_at is not None,
    )


def _owner(name: str, confirmation: Confirmation | None) -> pb.ErasureOwner:
    owner = pb.ErasureOwner(owner=name)
    if confirmation is not None:
        owner.confirmed, owner.erased_count = True, confirmation.count
        owner.confirmed_at.FromDatetime(confirmation.at)
    return owner
