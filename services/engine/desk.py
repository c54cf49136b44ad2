"""The desk in front of the pipeline: the same request id gets the same decision, and every decision is kept.

A retry is recognised three ways, whichever comes first: the store has the decision; the evidence log knows its id,
because an earlier call recorded it and died before keeping it; or another call records it while this one is at work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.chassis.clock import Ids
from services.chassis.errors import CallerError, Kind, MeshError
from services.engine import telemetry
from services.engine.core.decision import Decision, decision_id
from services.engine.core.question import Question
from services.engine.core.timeline import degraded
from services.engine.pipeline import Observer, Pipeline
from services.engine.ports import DecisionStore, Feedback, Kept

Encode = Callable[[Decision], bytes]
Storable = Callable[[bytes], bytes]
"""Return an encoded decision as it may be kept."""
Appraise = Callable[[Decision], bytes | None]
"""Return what the router must hear of a decision; None where there is nothing."""
Recorded = Callable[[str], Awaitable[Kept | None]]
"""Get a decision from the evidence log, as it was released; None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question from one tenant."""

    question: Question
    tenant: str
    subject: str
    """Who asks."""
    request_id: str
    """Id of the call."""
    retry_id: str
    """The caller's own id of this request, empty where it gave none."""
    time_s: float
    """Seconds that the caller gives."""


class Desk:
    """Take questions, give decisions."""

    def __init__(
        self,
        pipeline: Pipeline,
        store: DecisionStore,
        *,
        encode: Encode,
        storable: Storable,
        appraise: Appraise,
        recorded: Recorded,
        ids: Ids,
    ) -> None:
        self._pipeline = pipeline
        self._store = store
        self._encode = encode
        self._storable = storable
        self._appraise = appraise
        self._recorded = recorded
        self._ids = ids

    async def decide(self, ask: Ask, observe: Observer | None = None) -> bytes:
        """Return the encoded decision.

        Raises:
            MeshError: as ``EngineService.Decide`` says.
        """
        digest = ask.question.digest()
        identity = decision_id(ask.tenant, ask.retry_id) if ask.retry_id else self._ids.new()
        if ask.retry_id and (kept := await self._store.find(ask.tenant, identity)):
            return _same(kept, digest, ask.retry_id)
        try:
            decision = await self._pipeline.decide(
                ask.question,
                decision_id=identity,
                request_id=ask.request_id,
                time_s=ask.time_s,
                observe=observe,
            )
        except CallerError as error:
            if error.kind is not Kind.EXISTS or not ask.retry_id:
                raise
            return await self._earlier(ask, identity, digest, error)
        body = self._encode(decision)
        await self._keep(ask, decision, digest, body)
        telemetry.decided(decision)
        return body

    async def _earlier(self, ask: Ask, identity: str, digest: bytes, conflict: CallerError) -> bytes:
        """Return the decision that another call recorded under this id first."""
        kept = await self._store.find(ask.tenant, identity) or await self._recorded(identity)
        if kept is None:
            raise conflict
        return _same(kept, digest, ask.retry_id)

    async def _keep(self, ask: Ask, decision: Decision, digest: bytes, body: bytes) -> None:
        """Keep the decision; losing it here is logged and counted, for its evidence is durable and has all of it."""
        kept = Kept(
            decision_id=decision.decision_id,
            created_at=decision.created_at,
            question_digest=digest,
            body=self._storable(body),
        )
        appraised = self._appraise(decision)
        feedback = None if appraised is None else Feedback(subject=ask.subject, body=appraised)
        try:
            await self._store.keep(ask.tenant, kept, decision.verdict, ask.question, feedback, requester=ask.subject)
        except MeshError as error:
            telemetry.fell_back(degraded("engine.store", "evidence_only", error))


def _same(kept: Kept, digest: bytes, retry_id: str) -> bytes:
    if kept.question_digest == digest:
        return kept.body
    raise CallerError(
        Kind.EXISTS,
        "IDEMPOTENCY_CONFLICT",
        "request_id was used before for another question; choose a new one",
        metadata={"request_id": retry_id, "decision_id": kept.decision_id},
    )
