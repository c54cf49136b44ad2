"""Past decisions from ``RecorderService``: the evidence is all that is read, never the engine's own copy."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_EVALUATED
from magistrate.engine.v1 import engine_pb2
from magistrate.recorder.v1.recorder_pb2 import (
    BODY_STATE_ERASED,
    BODY_STATE_PRESENT,
    RECORD_KIND_DECISION,
    GetRecordRequest,
    ListRecordsRequest,
    LogIndex,
    Record,
)
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import MeshChannel
from services.chassis.errors import CallerError, Kind, MeshError, not_found
from services.engine.adapters import codec, degradation, questions
from services.engine.adapters.evaluator import verdict_of
from services.engine.core.decision import Gathered, Generated, Reviewed, Sealed
from services.engine.core.logs import logs_since
from services.engine.core.replay import LeftOut
from services.engine.ports import Case, Listed, Recorded

PAGE = 200
"""Decisions of one page: a page has places, and no content."""
CALL_S = 10.0
"""Seconds that one page or one record may take."""
FIRST_POLICY = "standard@1"
"""What decided before decisions said what decided them."""
_NO_CONSENSUS = "router.vote"
_SCORING = frozenset({"scores", "context.embeddings"})
"""Components without which an answer was not, or not wholly, scored."""


class MeshArchive:
    """Reads the evidence of the tenant that asks."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = RecorderServiceStub(channel)

    async def find(self, decision_id: str) -> Recorded | LeftOut:
        """Return a decision, or why it cannot be judged again.

        Raises:
            CallerError: DECISION_NOT_FOUND.
        """
        try:
            return await self._get(GetRecordRequest(decision_id=decision_id))
        except MeshError as error:
            if error.kind is Kind.NOT_FOUND:
                raise not_found("DECISION_NOT_FOUND", "decision_id", decision_id) from error
            raise

    async def read(self, listed: Listed) -> Recorded | LeftOut:
        """Return a decision, or why it cannot be judged again."""
        return await self._get(GetRecordRequest(at=LogIndex(origin=listed.origin, index=listed.index)))

    async def decisions(self, since: datetime, until: datetime | None) -> AsyncGenerator[Listed, None]:
        """Yield the tenant's decisions that were recorded in this time, oldest first, page by page."""
        newest = await self._stub.ListRecords(ListRecordsRequest(page_size=1), timeout=CALL_S)
        if not newest.records:
            return
        for origin in logs_since(newest.records[0].position.origin, since):
            request = ListRecordsRequest(
                origin=origin,
                kind=RECORD_KIND_DECISION,
                since=_timestamp(since),
                until=_timestamp(until) if until else None,
                page_size=PAGE,
            )
            more = True
            while more:
                page = await self._stub.ListRecords(request, timeout=CALL_S)
                for record in page.records:
                    yield _listed(record)
                request.page_token, more = page.next_page_token, bool(page.next_page_token)

    async def _get(self, request: GetRecordRequest) -> Recorded | LeftOut:
        record = (await self._stub.GetRecord(request, timeout=CALL_S)).record
        if record.body_state not in {BODY_STATE_ERASED, BODY_STATE_PRESENT}:
            return LeftOut.UNREADABLE
        # A decision whose body is there but empty came to the log after the erasure of its person.
        if record.body_state == BODY_STATE_ERASED or not record.payload:
            return LeftOut.ERASED
        return _recorded(record)


def _listed(record: Record) -> Listed:
    return Listed(
        decision_id=record.decision_id,
        origin=record.position.origin,
        index=record.position.index,
        recorded_at=record.recorded_at.ToDatetime(tzinfo=UTC),
    )


def _recorded(record: Record) -> Recorded | LeftOut:
    decision = codec.decode(record.payload)
    try:
        case = _case(decision)
    except CallerError:
        return LeftOut.INCOMPLETE
    spoke = {each.critic: each.version for each in decision.critics if each.status == EVALUATION_STATUS_EVALUATED}
    silent = [each.critic for each in decision.critics if each.critic not in spoke]
    unscored = any(part.component in _SCORING for part in case.degraded)
    context = decision.context
    return Recorded(
        case=case,
        evaluations={each.critic: Sealed(each) for each in decision.critics},
        versions=spoke,
        carried=(*silent, *(("quality",) if unscored else ())),
        verdict=verdict_of(decision.adjudication),
        adjudication=Sealed(decision.adjudication),
        policy=decision.adjudication.policy or FIRST_POLICY,
        recorded_at=record.recorded_at.ToDatetime(tzinfo=UTC),
        redacted="redacted" in json.loads(record.envelope)["attributes"],
        whole=bool(context.text) or not context.provenance,
    )


def _case(decision: engine_pb2.Decision) -> Case:
    """Return the case as it was judged; a question that could not be asked today is refused as it would be."""
    degraded = degradation.read(decision.degraded_components)
    return Case(
        decision_id=decision.decision_id,
        question=questions.read(decision.question),
        gathered=Gathered(
            text=decision.context.text,
            chunks=tuple(decision.context.pieces),
            confidence=decision.context.confidence,
        ),
        generated=Generated(
            text=decision.answer,
            model=decision.route.model,
            route=Sealed(decision.route),
            disagreed=any(part.component == _NO_CONSENSUS for part in degraded),
        ),
        reviewed=Reviewed(evaluations=tuple(map(Sealed, decision.critics))),
        report=Sealed(decision.quality),
        degraded=degraded,
    )


def _timestamp(moment: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(moment.astimezone(UTC))
    return result
