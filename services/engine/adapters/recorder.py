"""The recorder as the evidence log."""

import asyncio
from collections.abc import Sequence
from datetime import UTC
from typing import cast

from magistrate.common.v1.critique_pb2 import EVALUATION_STATUS_EVALUATED, CriticEvaluation
from magistrate.recorder.v1.recorder_pb2 import (
    RECORD_KIND_DECISION,
    RECORD_KIND_SECURITY,
    AppendRequest,
    Entry,
    GetRecordRequest,
    Position,
)
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis import call
from services.chassis.client import MeshChannel
from services.chassis.clock import Clock
from services.chassis.errors import Kind, MeshError
from services.chassis.spool import Item
from services.engine.adapters import codec, questions, redaction
from services.engine.core.decision import Decision, Evidence, Screened
from services.engine.ports import Kept

READ_S = 5.0
"""Seconds that reading one record may take."""
DELIVER_S = 10.0
"""Seconds that recording one item of a spool may take."""
PAUSE_S = 0.1
"""Seconds before an append is repeated, where the recorder does not say."""
_REPEATED = frozenset({"QUEUE_FULL", "EVIDENCE_UNAVAILABLE", "DEPENDENCY_UNAVAILABLE"})
"""Failures after which the record may stand all the same, or will a moment later; the key makes repeating safe."""


class MeshEvidenceLog:
    """Keep evidence through ``RecorderService.Append``."""

    def __init__(self, channel: MeshChannel, clock: Clock) -> None:
        self._stub = RecorderServiceStub(channel)
        self._clock = clock

    async def append(self, decision: Decision, *, timeout_s: float) -> Evidence:
        """Return where the decision stands, durably."""
        position = await self._append(self.entry(decision), timeout_s)
        return Evidence(origin=position.origin, index=position.index, leaf_hash=position.leaf_hash)

    @staticmethod
    def entry(decision: Decision) -> Entry:
        """Return what is recorded. The payload has what was asked, and an answer that is withheld."""
        message = codec.message(decision)
        message.answer = decision.generated.text
        redaction.clean(message)
        return Entry(
            idempotency_key=decision.decision_id,
            kind=RECORD_KIND_DECISION,
            decision_id=decision.decision_id,
            subject_id=decision.question.subject_id,
            payload=message.SerializeToString(deterministic=True),
            content_type=codec.MEDIA_TYPE,
            attributes={
                "verdict": decision.verdict.name.lower(),
                "model": decision.generated.model,
                "degraded_mode": decision.gathered.mode.name.lower(),
                "released": "no" if decision.withheld_reason else "yes",
                **_objections(decision),
            },
        )

    async def deliver(self, items: Sequence[Item]) -> Sequence[MeshError | None]:
        """Record what waited in a spool, each in the name of its tenant; say of each what became of it."""
        call.enter(call.Call(principal=call.Principal(tenant=items[0].tenant)))
        outcomes = await asyncio.gather(*map(self._delivered, items))
        return list(outcomes)

    async def _delivered(self, item: Item) -> MeshError | None:
        try:
            await self._stub.Append(AppendRequest(entry=Entry.FromString(item.body)), timeout=DELIVER_S)
        except MeshError as error:
            return error
        return None

    async def recorded(self, decision_id: str) -> Kept | None:
        """Return the decision that the log has under this id, as it was released; None where it has none."""
        try:
            reply = await self._stub.GetRecord(GetRecordRequest(decision_id=decision_id), timeout=READ_S)
        except MeshError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise
        decision = codec.decode(reply.record.payload)
        if decision.withheld:
            decision.answer = ""
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
        entry = Entry(
            idempotency_key=f"{decision_id}/refused",
            kind=RECORD_KIND_SECURITY,
            decision_id=decision_id,
            attributes={"event": "input_rejected", "detectors": ",".join(screened.detectors)[:200]},
        )
        await self._append(entry, timeout_s)

    async def _append(self, entry: Entry, timeout_s: float) -> Position:
        """Append, and once more under the same key: then the first write, if there was one, is the answer."""
        ends_at = self._clock.monotonic() + timeout_s
        request = AppendRequest(entry=entry)
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


def _objections(decision: Decision) -> dict[str, str]:
    """Return each critic that found something, with the whole part of its severity, or that could not judge."""
    found = dict[str, str]()
    for sealed in decision.reviewed.evaluations:
        evaluation = cast("CriticEvaluation", sealed)
        if evaluation.status != EVALUATION_STATUS_EVALUATED:
            found[f"critic.{evaluation.critic}"] = "unavailable"
        elif evaluation.severity_0_3:
            found[f"critic.{evaluation.critic}"] = str(int(evaluation.severity_0_3))
    return found
