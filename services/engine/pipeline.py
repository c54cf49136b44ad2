"""The way of one decision: which call follows which, what runs side by side, and what stands in when a part is missing.

Posture of each edge, fixed here and declared in every reply (design: failure posture):

========== ==========================================================================
screening  declared as unavailable; the critics still judge the whole exchange
context    declared as DEGRADED_NO_RAG, or an error where the caller asked for strict context
router     an error: there is no answer to judge; models that do not agree: never better than escalate
critics    every critic unavailable, so the verdict is never better than escalate
scores     not evaluated, never a number
verdict    abstain: nothing is released before a person has looked
evidence   an error before any model is asked, or nothing is released, unless the tenant's policy is ``spooled``: then
           the evidence rests on the engine's own disk until the log has it
========== ==========================================================================
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from services.chassis import errors
from services.chassis.clock import Clock, Ids
from services.chassis.errors import CallerError, Kind, MeshError, WorldError
from services.engine import ports, telemetry
from services.engine.core.budget import Limits, allowance
from services.engine.core.decision import (
    Adjudicated,
    Decision,
    Degraded,
    Evidence,
    Gathered,
    Generated,
    Mode,
    Reviewed,
    Scored,
    Screened,
    Stage,
    withheld_reason,
)
from services.engine.core.intent import Intent, ending
from services.engine.core.question import Question
from services.engine.core.timeline import Timeline, degraded
from services.engine.open_stage import OpenStage
from services.engine.side_by_side import both

Observer = Callable[[Stage], None]
"""Told of each stage as it ends; must not block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The rest of the mesh, as the pipeline sees it."""

    screener: ports.Screener
    librarian: ports.Librarian
    generator: ports.Generator
    critics: ports.Critics
    scorer: ports.Scorer
    adjudicator: ports.Adjudicator
    evidence: ports.EvidenceLog


class Pipeline:
    """Run questions through the mesh. One pipeline serves all calls; everything of one call is in a ``_Run``."""

    def __init__(self, parts: Parts, *, clock: Clock, ids: Ids, limits: Limits) -> None:
        self._parts = parts
        self._clock = clock
        self._ids = ids
        self._limits = limits

    async def decide(
        self, question: Question, *, decision_id: str, request_id: str, time_s: float, observe: Observer | None = None
    ) -> Decision:
        """Return the decision on ``question``, its evidence durable.

        Args:
            question: What is asked.
            decision_id: Id of the decision; the evidence log knows it only once.
            request_id: Id of the call.
            time_s: Seconds that the caller gives for all of it.
            observe: Told of each stage as it ends.

        Raises:
            MeshError: as ``EngineService.Decide`` says; nothing was released then.
        """
        run = _Run(self._parts, self._clock, self._limits, time_s, observe or _nobody)
        intent = Intent(key=f"{decision_id}/{self._ids.new()}", decision_id=decision_id, began=self._clock.now())
        try:
            return await self._decide(run, question, intent, request_id)
        except BaseException as error:
            # Where not even the intent could be recorded, its end cannot be either, and a log in trouble is spared.
            if not run.unwitnessed:
                self._parts.evidence.close(intent, ending(error))
            raise

    async def _decide(self, run: "_Run", question: Question, intent: Intent, request_id: str) -> Decision:
        decision_id = intent.decision_id
        screened, gathered = await run.prepare(question, intent)
        generated = await run.generate(question, gathered, intent)
        reviewed, scored = await run.judge(question, generated, gathered, decision_id)
        adjudicated = await run.adjudicate(
            ports.Case(
                decision_id=decision_id,
                question=question,
                gathered=gathered,
                generated=generated,
                reviewed=reviewed,
                report=scored.report,
                degraded=run.timeline.degraded,
            )
        )
        draft = Decision(
            decision_id=decision_id,
            request_id=request_id,
            question=question,
            verdict=adjudicated.verdict,
            answer="" if withheld_reason(adjudicated) else generated.text,
            withheld_reason=withheld_reason(adjudicated),
            screened=screened,
            gathered=gathered,
            generated=generated,
            reviewed=reviewed,
            scored=scored,
            adjudicated=adjudicated,
            stages=run.timeline.stages,
            degraded=run.timeline.degraded,
            created_at=self._clock.now(),
            duration_s=run.elapsed_s,
        )
        evidence = await run.record(draft, intent)
        return replace(
            draft,
            evidence=evidence,
            stages=run.timeline.stages,
            degraded=run.timeline.degraded,
            duration_s=run.elapsed_s,
        )


class _Run:
    """One call on its way: its time, its stages, its degradations."""

    def __init__(self, parts: Parts, clock: Clock, limits: Limits, time_s: float, observe: Observer) -> None:
        self._parts = parts
        self._clock = clock
        self._limits = limits
        self._time_s = time_s
        self._observe = observe
        self.timeline = Timeline(clock.monotonic())
        self.unwitnessed = False

    @property
    def elapsed_s(self) -> float:
        return self._clock.monotonic() - self.timeline.started

    async def prepare(self, question: Question, intent: Intent) -> tuple[Screened, Gathered]:
        """Look at the question and gather context; no model is asked before it is durable that one will be."""
        prepared = both(self._screen(question, intent.decision_id), self._gather(question))
        return (await both(prepared, self._open(intent)))[0]

    async def _open(self, intent: Intent) -> None:
        try:
            with _durably():
                await self._parts.evidence.open(intent, timeout_s=self._allowed_s("record"))
        except MeshError:
            self.unwitnessed = True
            raise

    async def judge(
        self, question: Question, generated: Generated, gathered: Gathered, decision_id: str
    ) -> tuple[Reviewed, Scored]:
        return await both(
            self._review(question, generated, gathered), self._score(question, generated, gathered, decision_id)
        )

    async def _screen(self, question: Question, decision_id: str) -> Screened:
        async with self._stage("screen") as stage:
            try:
                screened = await self._parts.screener.screen(question.query, timeout_s=stage.allowed_s)
            except WorldError as error:
                stage.missing(degraded("screening", "not_screened", error))
                return Screened(action="unavailable")
        if screened.action == "reject":
            await self._refuse(decision_id, screened)
        return screened

    async def _refuse(self, decision_id: str, screened: Screened) -> None:
        """Keep evidence of the refusal, then refuse; evidence that cannot be kept does not let the question in."""
        try:
            timeout_s = self._allowed_s("record")
            await self._parts.evidence.append_rejection(decision_id, screened, timeout_s=timeout_s)
        except MeshError as error:
            self._declare(degraded("evidence", "refusal_not_recorded", error))
        raise CallerError(
            Kind.INVALID,
            "INPUT_REJECTED",
            "screening found a high-risk attack in the question; it went to no model",
            metadata={"detectors": ",".join(screened.detectors), "decision_id": decision_id},
        )

    async def _gather(self, question: Question) -> Gathered:
        async with self._stage("context") as stage:
            try:
                gathered = await self._parts.librarian.gather(question, timeout_s=stage.allowed_s)
            except WorldError as error:
                if question.strict_context:
                    raise
                part = degraded("context", "no_context", error)
                stage.missing(part)
                return Gathered(mode=Mode.DEGRADED_NO_RAG, degraded=(part,))
            stage.partial(*gathered.degraded)
        return gathered

    async def generate(self, question: Question, gathered: Gathered, intent: Intent) -> Generated:
        async with self._stage("route") as stage:
            generated = await self._parts.generator.generate(question, gathered.text, intent, timeout_s=stage.allowed_s)
            if generated.disagreed:
                stage.partial(Degraded(component="router.vote", fallback="person_decides", reason="NO_CONSENSUS"))
        return generated

    async def _review(self, question: Question, generated: Generated, gathered: Gathered) -> Reviewed:
        async with self._stage("review") as stage:
            try:
                reviewed = await self._parts.critics.review(
                    question, generated.text, gathered.text, timeout_s=stage.allowed_s
                )
            except MeshError as error:
                stage.missing(degraded("critics", "unavailable", error))
                return self._parts.critics.unavailable(error.reason)
            stage.partial(*reviewed.degraded)
        return reviewed

    async def _score(self, question: Question, generated: Generated, gathered: Gathered, decision_id: str) -> Scored:
        async with self._stage("score") as stage:
            try:
                scored = await self._parts.scorer.score(
                    question, generated.text, gathered.chunks, decision_id, timeout_s=stage.allowed_s
                )
            except MeshError as error:
                stage.missing(degraded("scores", "not_evaluated", error))
                return self._parts.scorer.unavailable(error.reason)
            stage.partial(*scored.degraded)
        return scored

    async def adjudicate(self, case: ports.Case) -> Adjudicated:
        async with self._stage("adjudicate") as stage:
            try:
                adjudicated = await self._parts.adjudicator.adjudicate(case, timeout_s=stage.allowed_s)
            except MeshError as error:
                stage.missing(degraded("verdict", "abstain", error))
                return self._parts.adjudicator.unavailable(error.reason)
            stage.partial(*adjudicated.degraded)
        return adjudicated

    async def record(self, draft: Decision, intent: Intent) -> Evidence:
        async with self._stage("record") as stage:
            with _durably():
                evidence = await self._parts.evidence.append(draft, intent, timeout_s=stage.allowed_s)
            if evidence.pending:
                stage.partial(Degraded(component="evidence", fallback="spooled", reason="EVIDENCE_UNAVAILABLE"))
        return evidence

    @asynccontextmanager
    async def _stage(self, name: str) -> AsyncIterator[OpenStage]:
        began = self._clock.monotonic()
        stage = OpenStage(self._declare, self._allowed_s(name))
        yield stage
        # Not in a finally: a stage that raised has no place in a reply, because there will be none.
        self._observe(self.timeline.end(name, began=began, now=self._clock.monotonic(), outcome=stage.outcome))

    def _declare(self, *parts: Degraded) -> None:
        """Note, count and log fallbacks when they fire: the call may still fail, and then no reply would tell."""
        for part in self.timeline.degrade(*parts):
            telemetry.fell_back(part)

    def _allowed_s(self, name: str) -> float:
        remaining_s = self._time_s - self.elapsed_s
        return allowance(name, total_s=self._time_s, remaining_s=remaining_s, limits=self._limits)


@contextmanager
def _durably() -> Iterator[None]:
    """Say that nothing was released where evidence could not be kept."""
    try:
        yield
    except WorldError as error:
        message = "evidence could not be made durable, so nothing was released"
        raise errors.unavailable("EVIDENCE_UNAVAILABLE", message, error.retry_after_s) from error


def _nobody(_: Stage) -> None:
    return None
