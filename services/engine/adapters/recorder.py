"""The recorder as the evidence log."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC
from typing import Any, Protocol

from magistrate.recorder.v1.recorder_pb2 import (
    Acknowledgement,
    AppendRequest,
    AppendStreamRequest,
    Entry,
    GetRecordRequest,
    Position,
)
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis import call
from services.chassis.client import MeshChannel
from services.chassis.clock import Clock
from services.chassis.errors import CallerError, Kind, MeshError, WorldError, unavailable
from services.chassis.log import get_logger
from services.chassis.spool import Item
from services.engine.adapters import codec, entries, questions
from services.engine.core.decision import Decision, Evidence, Screened
from services.engine.core.erasure import erased
from services.engine.core.intent import Ending, Intent
from services.engine.ports import Kept

READ_S = 5.0
"""Seconds that reading one record may take."""
DELIVER_S = 10.0
"""Seconds that recording what is sent at once from a spool may take."""
_REFUSALS = frozenset({"FIELD_REQUIRED", "FIELD_TOO_LONG", "FIELD_MALFORMED", "ENUM_UNKNOWN", "IDEMPOTENCY_CONFLICT"})
"""Failures of a record that the log will never take."""
PAUSE_S = 0.1
"""Seconds before an append is repeated, where the recorder does not say."""
_REPEATED = frozenset({"QUEUE_FULL", "EVIDENCE_UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"})
"""Failures after which the record may stand all the same, or will a moment later; the key makes repeating safe."""
CLOSE_S = 10.0
"""Seconds that one try to record an outcome may take."""
CLOSE_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Seconds between the tries; after the last the recorder itself will close the intent as unknown."""

_log = get_logger("engine.evidence")


class Finish(Protocol):
    """Runs work that outlives the call it belongs to."""

    def __call__(self, coro: Coroutine[Any, Any, None], *, name: str) -> object:
        """Start ``coro`` beside the calls."""
        ...


class MeshEvidenceLog:
    """Keep evidence through ``RecorderService.Append``."""

    def __init__(self, channel: MeshChannel, clock: Clock, *, finish: Finish) -> None:
        self._stub = RecorderServiceStub(channel)
        self._clock = clock
        self._finish = finish

    async def open(self, intent: Intent, *, timeout_s: float) -> Evidence:
        """Return where it stands, durably, that something is about to be done."""
        return _evidence(await self._append(AppendRequest(entry=entries.intent(intent)), timeout_s))

    async def append(self, decision: Decision, intent: Intent, *, timeout_s: float) -> Evidence:
        """Return where the decision stands, durably, and its intent closed with it."""
        outcome = entries.outcome(intent, entries.DECIDED)
        request = AppendRequest(entry=entries.decision(decision), companions=[outcome])
        return _evidence(await self._append(request, timeout_s))

    def close(self, intent: Intent, ending: Ending) -> None:
        """Record beside the calls how the intent ended; the recorder closes it where the log is away for too long."""
        self._finish(self._close(entries.outcome(intent, ending)), name="outcome")

    async def _close(self, entry: Entry) -> None:
        for pause_s in (*CLOSE_PAUSES_S, None):
            try:
                await self._append(AppendRequest(entry=entry), CLOSE_S)
            except CallerError as error:
                # The decision may stand in the log although its answer was lost: then the outcome stands there too.
                _log.info("outcome_stands", reason=error.reason)
                return
            except WorldError as error:
                if pause_s is None:
                    _log.warning("outcome_not_recorded", reason=error.reason)
                    return
                await asyncio.sleep(pause_s)
            else:
                return

    async def deliver(self, items: Sequence[Item]) -> Sequence[MeshError | None]:
        """Record what waited in a spool, each in the name of its tenant; say of each what became of it."""
        call.enter(call.Call(principal=call.Principal(tenant=items[0].tenant)))
        # One message: what is in it is written in its order and in one transaction.
        message = AppendStreamRequest(entries=[Entry.FromString(item.body) for item in items])
        answers = self._stub.AppendStream(iter([message]), timeout=DELIVER_S)
        outcomes = [_failure(each) async for answer in answers for each in answer.acknowledgements]
        if len(outcomes) != len(items):
            raise unavailable("EVIDENCE_UNAVAILABLE", "the log has not answered for each record")
        return outcomes

    async def recorded(self, decision_id: str) -> Kept | None:
        """Return the decision that the log has under this id, as it was released; None where it has none.

        Raises:
            CallerError: EVIDENCE_ERASED, there is a decision, and nothing of it to release.
        """
        try:
            reply = await self._stub.GetRecord(GetRecordRequest(decision_id=decision_id), timeout=READ_S)
        except MeshError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise
        if not reply.record.payload:
            raise erased(decision_id)
        decision = codec.decode(reply.record.payload)
        if decision.withheld:
            decision.answer = ""
        if decision.HasField("context"):
            # What the judges read stays in the evidence.
            decision.context.ClearField("text")
            decision.context.ClearField("pieces")
        place = reply.record.position
        decision.evidence.origin, decision.evidence.index = place.origin, place.index
        decision.evidence.leaf_hash = place.leaf_hash
        return Kept(
            decision_id=decision_id,
            created_at=decision.created_at.ToDatetime(tzinfo=UTC),
            question_digest=questions.read(decision.question).digest(),
            body=decision.SerializeToString(deterministic=True),
        )

    async def append_rejection(self, decision_id: str, screened: Screened, *, timeout_s: float) -> None:
        """Keep which detectors refused a question, without the question."""
        await self._append(AppendRequest(entry=entries.refusal(decision_id, screened)), timeout_s)

    async def _append(self, request: AppendRequest, timeout_s: float) -> Position:
        """Append, and once more under the same key: then the first write, if there was one, is the answer."""
        ends_at = self._clock.monotonic() + timeout_s
        try:
            return (await self._stub.Append(request, timeout=timeout_s)).position
        except MeshError as error:
            pause_s = PAUSE_S if error.retry_after_s is None else error.retry_after_s
            left_s = ends_at - self._clock.monotonic()
            if error.reason not in _REPEATED or left_s <= 0:
                raise
            # Rather too early than not at all: half of the time is left for the second try in any case.
            await asyncio.sleep(min(pause_s, left_s / 2))
        return (await self._stub.Append(request, timeout=ends_at - self._clock.monotonic())).position


def _failure(each: Acknowledgement) -> MeshError | None:
    """Return why a record was not taken; None where it was."""
    if not each.reason:
        return None
    if each.reason in _REFUSALS:
        return CallerError(Kind.INVALID, each.reason, each.message, metadata=dict(each.metadata))
    return unavailable(each.reason, each.message)


def _evidence(position: Position) -> Evidence:
    return Evidence(origin=position.origin, index=position.index, leaf_hash=position.leaf_hash)
