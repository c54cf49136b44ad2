"""What the recorder knows, as its contract says it."""

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.recorder.core.custody import Erasure
from services.recorder.ports import Stored, Written
from services.recorder.reading.archive import Found
from services.recorder.reading.exporter import Exported, Opening
from services.recorder.servicer.requests import KIND_PREFIX

BODY_PREFIX = "BODY_STATE_"


def position(stored: Stored | Written | Erasure) -> pb.Position:
    """Return where it stands in its log."""
    return pb.Position(origin=stored.origin, index=stored.index, leaf_hash=stored.leaf)


def record(stored: Stored) -> pb.Record:
    """Return a record without its content."""
    recorded_at = Timestamp()
    recorded_at.FromDatetime(stored.recorded_at)
    return pb.Record(
        position=position(stored),
        envelope=stored.envelope,
        content_type=stored.content_type,
        kind=pb.RecordKind.Value(KIND_PREFIX + stored.kind),
        decision_id=stored.decision_id,
        recorded_at=recorded_at,
        idempotency_key=stored.key,
        intent_key=stored.intent,
    )


def opened(found: Found) -> pb.Record:
    """Return a record with its content, where there is one left."""
    return _with_body(found.record, found.payload, found.salt)


def opening(piece: Opening, verifier_keys: Sequence[str]) -> pb.ExportedLog:
    """Return what comes before all else of an export."""
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


def exported(piece: Exported) -> pb.Record:
    """Return a record of an export, opened or sealed as it was asked for."""
    made = _with_body(piece.record, piece.payload, piece.salt)
    made.sealed_body = piece.sealed
    return made


def _with_body(stored: Stored, payload: bytes, salt: bytes) -> pb.Record:
    made = record(stored)
    made.payload = payload
    made.commitment_nonce = salt
    if body := stored.body:
        made.body_state = pb.BodyState.Value(BODY_PREFIX + body.state)
        if erasure := body.erasure:
            made.erasure_basis = erasure.basis
            made.erasure.MergeFrom(position(erasure))
    return made
