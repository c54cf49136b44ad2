"""EngineService on the wire: convert and delegate."""

import asyncio
from collections.abc import AsyncIterator

import grpc

from magistrate.engine.v1 import engine_pb2, engine_pb2_grpc
from services.chassis import call, errors
from services.engine.adapters import codec, questions
from services.engine.core import paging, question
from services.engine.core.decision import Stage, Verdict
from services.engine.desk import Ask, Desk
from services.engine.ports import DecisionStore, Page

DEFAULT_TIME_S = 30.0
"""Time of a call that came without a deadline, past the proxy that would have set one."""
_Context = grpc.aio.ServicerContext[object, object]


class EngineServicer(engine_pb2_grpc.EngineServiceServicer):
    """One governed decision from question to evidence."""

    def __init__(self, desk: Desk, store: DecisionStore) -> None:
        self._desk = desk
        self._store = store

    async def Decide(self, request: engine_pb2.DecideRequest, _: _Context) -> engine_pb2.DecideResponse:
        """Decide on one question."""
        body = await self._desk.decide(_ask(request.question, request.request_id))
        return engine_pb2.DecideResponse(decision=codec.decode(body))

    async def DecideStream(
        self, request: engine_pb2.DecideStreamRequest, _: _Context
    ) -> AsyncIterator[engine_pb2.DecideStreamResponse]:
        """Decide, telling each stage as it ends."""
        stages: asyncio.Queue[Stage | None] = asyncio.Queue()
        ask = _ask(request.question, request.request_id)
        deciding = asyncio.create_task(self._desk.decide(ask, stages.put_nowait))
        deciding.add_done_callback(lambda _: stages.put_nowait(None))
        try:
            while stage := await stages.get():
                yield engine_pb2.DecideStreamResponse(stage=codec.stage(stage))
            yield engine_pb2.DecideStreamResponse(decision=codec.decode(await deciding))
        finally:
            deciding.cancel()
            # The call is not over before its stages are: a drain waits for calls alone.
            await asyncio.gather(deciding, return_exceptions=True)

    async def GetDecision(self, request: engine_pb2.GetDecisionRequest, _: _Context) -> engine_pb2.GetDecisionResponse:
        """Get a decision made earlier."""
        question.check_id("decision_id", request.decision_id)
        kept = await self._store.find(call.tenant(), request.decision_id)
        if kept is None:
            raise errors.not_found("DECISION_NOT_FOUND", "decision_id", request.decision_id)
        return engine_pb2.GetDecisionResponse(decision=codec.decode(kept.body))

    async def ListDecisions(
        self, request: engine_pb2.ListDecisionsRequest, _: _Context
    ) -> engine_pb2.ListDecisionsResponse:
        """List decisions, newest first."""
        page = Page(
            size=paging.page_size(request.page_size),
            after=paging.place(request.page_token),
            verdict=_verdict(request.verdict),
            domain=question.domain(request.domain) if request.domain else None,
        )
        kept = await self._store.page(call.tenant(), page)
        shown = kept[: page.size]
        more = len(kept) > page.size
        return engine_pb2.ListDecisionsResponse(
            decisions=[_summary(codec.decode(each.body)) for each in shown],
            next_page_token=paging.token(shown[-1].created_at, shown[-1].decision_id) if more else "",
        )


def _ask(asked: engine_pb2.Question, retry_id: str) -> Ask:
    question.check_id("request_id", retry_id, required=False)
    remaining_s = call.remaining_s()
    return Ask(
        question=questions.read(asked),
        tenant=call.tenant(),
        subject=call.current().principal.subject,
        request_id=call.current().request_id,
        retry_id=retry_id,
        time_s=DEFAULT_TIME_S if remaining_s is None else remaining_s,
    )


def _verdict(number: int) -> Verdict | None:
    if number and number not in {verdict.value for verdict in Verdict}:
        names = ", ".join(verdict.name for verdict in Verdict)
        raise errors.invalid("verdict", f"must be one of {names}", reason="ENUM_UNKNOWN", value=number)
    return Verdict(number) if number else None


def _summary(decision: engine_pb2.Decision) -> engine_pb2.Decision:
    for field in ("critics", "stages", "context"):
        decision.ClearField(field)
    return decision
