"""Requests of the recorder's contract as values."""

from collections.abc import Mapping
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.call import current, tenant
from services.chassis.errors import invalid
from services.recorder.core.envelope import Draft
from services.recorder.core.filter import Filter
from services.recorder.core.notice import check_producer
from services.recorder.ports import Query
from services.recorder.reading.archive import Place
from services.recorder.reading.exporter import Wanted

KIND_PREFIX = "RECORD_KIND_"
KINDS: Mapping[int, str] = {number: name.removeprefix(KIND_PREFIX) for name, number in pb.RecordKind.items() if number}
"""Name of each kind that a record can have."""


def draft(entry: pb.Entry) -> Draft:
    """Return what is to be recorded for the tenant of the current call.

    Raises:
        CallerError: ENUM_UNKNOWN, FIELD_MALFORMED, or what ``check_producer`` refuses.
    """
    made = Draft(
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
    return check_producer(made)


def place(request: pb.GetRecordRequest | pb.GetInclusionProofRequest) -> Place:
    """Return where the record is that is asked for.

    Raises:
        CallerError: FIELD_REQUIRED where nothing says which.
    """
    if request.HasField("at"):
        return Place(origin=request.at.origin, index=request.at.index)
    if not request.decision_id:
        raise invalid("key", "must name a decision or a place in a log", reason="FIELD_REQUIRED")
    return Place(decision_id=request.decision_id)


def query(request: pb.ListRecordsRequest) -> Query:
    """Return which records are asked for.

    Raises:
        CallerError: ENUM_UNKNOWN, FIELD_MALFORMED, or filters that contradict each other.
    """
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
    return Query(
        kind=wanted.wanted_kind,
        decision_id=request.decision_id,
        since=wanted.since,
        until=wanted.until,
        facts=wanted.facts,
        open_intents=wanted.open_intents,
        limit=request.page_size,
    )


def export(request: pb.ExportRequest) -> Wanted:
    """Return the range that is to be handed out. Raises CallerError FIELD_MALFORMED for a time that is none."""
    return Wanted(
        start=request.start_index,
        stop=request.end_index,
        since=_instant("since", request.since) if request.HasField("since") else None,
        until=_instant("until", request.until) if request.HasField("until") else None,
        opened=request.include_payloads,
        sealed=request.include_sealed,
        subject_id=request.subject_id,
    )


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
