"""Every RPC of EngineService through an in-process server, with the rest of the mesh in memory."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from magistrate.common.v1 import judgement_pb2
from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.engine.v1 import engine_pb2, engine_pb2_grpc
from services.chassis.call import Principal
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.errors import CallerError, Kind, MeshError, WorldError
from services.chassis.testing import Registration, serving
from services.engine.adapters import codec
from services.engine.adapters.feedback import feedback
from services.engine.core.budget import Limits
from services.engine.core.decision import Screened, Verdict
from services.engine.desk import Desk
from services.engine.main import ENGINE, RUNS, TOOLS
from services.engine.pipeline import Pipeline
from services.engine.ports import Kept
from services.engine.servicer import EngineServicer
from tests.fakes.engine import ANSWER, FakeMesh, FakeStore, down


@asynccontextmanager
async def engine(
    mesh: FakeMesh, store: FakeStore | None = None, principal: Principal | None = None
) -> AsyncIterator["engine_pb2_grpc.EngineServiceAsyncStub"]:
    """Yield a stub of an engine with ``mesh`` behind it."""
    store = store or FakeStore()

    async def recorded(decision_id: str) -> Kept | None:
        decision = mesh.records.get(decision_id)
        if decision is None:
            return None
        return Kept(
            decision_id=decision_id,
            created_at=decision.created_at,
            question_digest=decision.question.digest(),
            body=codec.encode(decision),
        )

    pipeline = Pipeline(mesh.parts(), clock=SystemClock(), ids=RandomIds(), limits=Limits())
    desk = Desk(
        pipeline,
        store,
        encode=codec.encode,
        storable=codec.storable,
        appraise=feedback,
        recorded=recorded,
        ids=RandomIds(),
    )
    registrations = [
        Registration(engine_pb2_grpc.add_EngineServiceServicer_to_server, EngineServicer(desk, store), ENGINE),
        Registration(engine_pb2_grpc.add_RunServiceServicer_to_server, engine_pb2_grpc.RunServiceServicer(), RUNS),
        Registration(engine_pb2_grpc.add_ToolServiceServicer_to_server, engine_pb2_grpc.ToolServiceServicer(), TOOLS),
    ]
    async with serving(registrations, principal=principal or Principal(tenant="acme", subject="jo")) as channel:
        yield engine_pb2_grpc.EngineServiceStub(channel)


def ask(query: str = "How many days of leave?", request_id: str = "", **more: object) -> engine_pb2.DecideRequest:
    """Return a request that is right unless ``more`` makes it wrong."""
    fields: dict[str, object] = {"query": query, "domain": DOMAIN_GENERAL, "task_type": TASK_TYPE_ANALYSIS, **more}
    return engine_pb2.DecideRequest(question=engine_pb2.Question(**fields), request_id=request_id)  # type: ignore[arg-type]  # the wrong field is the test


@pytest.mark.spec("ENG-01", "ENG-45", "ENG-27")
async def test_decide_answers_with_everything() -> None:
    """A decision has verdict, answer, scores, critics, route, stages, evidence and its ids."""
    async with engine(FakeMesh()) as stub:
        decision = (await stub.Decide(ask())).decision

    assert decision.verdict == judgement_pb2.VERDICT_ALLOW
    assert decision.answer == ANSWER
    assert decision.question == ask().question
    assert len(decision.critics) == 6
    assert decision.route.provider == "local"
    assert [stage.name for stage in decision.stages][-1] == "record"
    assert decision.evidence.origin == "evidence/test/acme/2026h2"
    assert decision.decision_id
    assert decision.request_id


@pytest.mark.spec("REC-17")
async def test_what_is_kept_has_no_credential() -> None:
    """The caller gets the answer as it is; of what looks like a credential nothing is kept, at any depth."""
    secret, store = "sk-ant-0123456789abcdefghij", FakeStore()
    request = ask()
    request.question.additional_context = f"The key is {secret}."
    async with engine(FakeMesh(), store) as stub:
        decision = (await stub.Decide(request)).decision
        kept = (await stub.GetDecision(engine_pb2.GetDecisionRequest(decision_id=decision.decision_id))).decision

    assert decision.question.additional_context == request.question.additional_context
    assert kept.question.additional_context == "The key is [redacted]."
    assert not [each for each in store.kept.values() if secret.encode() in each.body]


@pytest.mark.spec("ENG-35")
async def test_decide_stream_tells_stages_and_ends_with_the_decision() -> None:
    """Stages arrive one by one; the decision is the last message and the only one with an answer."""
    async with engine(FakeMesh()) as stub:
        request = ask()
        stream = stub.DecideStream(engine_pb2.DecideStreamRequest(question=request.question))
        events = [event async for event in stream]

    assert [event.WhichOneof("event") for event in events] == ["stage"] * 7 + ["decision"]
    assert events[-1].decision.answer == ANSWER


async def test_decide_stream_fails_as_decide_does() -> None:
    """A failure in the middle of a stream has the same reason as without one."""
    async with engine(FakeMesh(failures={"route": down("PROVIDERS_UNAVAILABLE")})) as stub:
        with pytest.raises(WorldError, match="PROVIDERS_UNAVAILABLE"):
            [_ async for _ in stub.DecideStream(engine_pb2.DecideStreamRequest(question=ask().question))]


@pytest.mark.spec("ENG-13", "ENG-35")
async def test_leaving_a_stream_ends_the_decision() -> None:
    """A caller that goes away in the middle cancels the stage that runs, and nothing is recorded."""
    mesh = FakeMesh(stalled={"route"})
    async with engine(mesh) as stub:
        stream = stub.DecideStream(engine_pb2.DecideStreamRequest(question=ask().question))
        reading = asyncio.create_task(_count(stream))
        await mesh.arrived["route"].wait()
        reading.cancel()
        await mesh.left["route"].wait()

    assert mesh.cancelled == ["route"]
    assert mesh.records == {}


async def _count(stream: AsyncIterable[object]) -> int:
    return len([event async for event in stream])


@pytest.mark.spec("ENG-28")
async def test_the_same_request_id_gets_the_same_decision() -> None:
    """A retry gets the decision it missed, byte for byte, and nothing is generated twice."""
    mesh = FakeMesh()
    async with engine(mesh) as stub:
        first = await stub.Decide(ask(request_id="once"))
        second = await stub.Decide(ask(request_id="once"))

    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)
    assert mesh.calls.count("route") == 1


@pytest.mark.spec("ENG-28")
async def test_two_calls_at_once_with_one_request_id_agree() -> None:
    """Whoever records first wins; the other gives the same decision."""
    mesh = FakeMesh()
    async with engine(mesh) as stub:
        one, two = await asyncio.gather(stub.Decide(ask(request_id="once")), stub.Decide(ask(request_id="once")))

    assert one.decision.decision_id == two.decision.decision_id
    assert len(mesh.records) == 1


async def test_a_decision_recorded_but_not_kept_is_found_again() -> None:
    """An engine that dies between recording and keeping leaves a decision that a retry still gets."""
    mesh, store = FakeMesh(), FakeStore(failure=down("STORE_UNAVAILABLE"))
    async with engine(mesh, store) as stub:
        first = await stub.Decide(ask(request_id="once"))
        second = await stub.Decide(ask(request_id="once"))

    assert first.decision.decision_id == second.decision.decision_id
    assert second.decision.answer == ANSWER


@pytest.mark.parametrize("kept", [True, False])
async def test_another_question_under_the_same_request_id_is_refused(kept: bool) -> None:
    """A request id belongs to one question, even where only the evidence log knows the first."""
    store = FakeStore() if kept else FakeStore(failure=down("STORE_UNAVAILABLE"))
    async with engine(FakeMesh(), store) as stub:
        await stub.Decide(ask(request_id="once"))
        with pytest.raises(CallerError) as refused:
            await stub.Decide(ask("And sick days?", request_id="once"))

    assert refused.value.kind is Kind.EXISTS
    assert refused.value.reason == "IDEMPOTENCY_CONFLICT"


@pytest.mark.spec("ENG-44", "EDG-12")
@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (ask(""), "FIELD_REQUIRED"),
        (ask("ab " * 3334), "FIELD_TOO_LONG"),
        (ask(domain=9), "ENUM_UNKNOWN"),
        (ask(task_type=0), "ENUM_UNKNOWN"),
        (ask(context_pack_id="No Pack"), "FIELD_MALFORMED"),
        (ask(max_output_tokens=5000), "FIELD_OUT_OF_RANGE"),
        (ask("x" * 200), "TEXT_REJECTED"),
        (ask(request_id="not/ok"), "FIELD_MALFORMED"),
    ],
)
async def test_bad_questions_have_their_reason(request_: engine_pb2.DecideRequest, reason: str) -> None:
    """Bad input is INVALID_ARGUMENT with its reason, and nothing is called for it."""
    mesh = FakeMesh()
    async with engine(mesh) as stub:
        with pytest.raises(CallerError) as refused:
            await stub.Decide(request_)

    assert refused.value.kind is Kind.INVALID
    assert refused.value.reason == reason
    assert mesh.calls == []


@pytest.mark.parametrize(
    ("stage", "error"),
    [
        ("context", CallerError(Kind.NOT_FOUND, "PACK_NOT_FOUND", "no such pack")),
        ("route", down("PROVIDERS_UNAVAILABLE")),
        ("route", WorldError(Kind.EXHAUSTED, "BUDGET_EXCEEDED", "spent", retry_after_s=60)),
        ("route", CallerError(Kind.INVALID, "PROMPT_TOO_LONG", "too long")),
        ("route", CallerError(Kind.DENIED, "MODEL_OVERRIDE_NOT_ALLOWED", "not yours to choose")),
    ],
)
async def test_errors_of_other_services_arrive_as_they_were_raised(stage: str, error: MeshError) -> None:
    """What router and context refuse reaches the caller with kind, reason and wait."""
    async with engine(FakeMesh(failures={stage: error})) as stub:
        with pytest.raises(MeshError) as failure:
            await stub.Decide(ask())

    assert (failure.value.kind, failure.value.reason) == (error.kind, error.reason)
    assert failure.value.retry_after_s == error.retry_after_s


async def test_a_rejected_question() -> None:
    """Screening's refusal names the detectors."""
    async with engine(FakeMesh(screened=Screened(action="reject", detectors=("injection.override@1",)))) as stub:
        with pytest.raises(CallerError) as refused:
            await stub.Decide(ask())

    assert refused.value.reason == "INPUT_REJECTED"


async def test_no_evidence_no_answer() -> None:
    """A recorder that is down makes the call fail."""
    async with engine(FakeMesh(failures={"record": down()})) as stub:
        with pytest.raises(WorldError, match="EVIDENCE_UNAVAILABLE"):
            await stub.Decide(ask())


async def test_a_call_without_a_tenant_is_refused() -> None:
    """Nobody gets rows of no tenant."""
    async with engine(FakeMesh(), principal=Principal()) as stub:
        with pytest.raises(CallerError, match="TOKEN_MISSING"):
            await stub.Decide(ask())


@pytest.mark.spec("ENG-27", "ENG-38")
async def test_get_decision_gives_what_was_released_to_its_tenant_only() -> None:
    """A decision can be had again by its tenant, and does not exist for others."""
    store = FakeStore()
    async with engine(FakeMesh(verdict=Verdict.DENY), store) as stub:
        made = (await stub.Decide(ask())).decision
        again = (await stub.GetDecision(engine_pb2.GetDecisionRequest(decision_id=made.decision_id))).decision
    async with engine(FakeMesh(), store, Principal(tenant="other", subject="eve")) as stub:
        with pytest.raises(CallerError) as refused:
            await stub.GetDecision(engine_pb2.GetDecisionRequest(decision_id=made.decision_id))

    assert again == made
    assert again.withheld
    assert refused.value.reason == "DECISION_NOT_FOUND"


@pytest.mark.parametrize(("decision_id", "reason"), [("", "FIELD_REQUIRED"), ("../x", "FIELD_MALFORMED")])
async def test_get_decision_checks_its_id(decision_id: str, reason: str) -> None:
    """An id of the wrong form is refused before the store is asked."""
    async with engine(FakeMesh()) as stub:
        with pytest.raises(CallerError, match=reason):
            await stub.GetDecision(engine_pb2.GetDecisionRequest(decision_id=decision_id))


@pytest.mark.spec("ENG-33", "ENG-38")
async def test_list_decisions_pages_newest_first() -> None:
    """Pages walk through every decision of the tenant once, newest first, without the long parts."""
    async with engine(FakeMesh()) as stub:
        made = [(await stub.Decide(ask())).decision.decision_id for _ in range(5)]
        seen: list[str] = []
        token = ""
        while True:
            request = engine_pb2.ListDecisionsRequest(page_size=2, page_token=token)
            page = await stub.ListDecisions(request)
            seen.extend(decision.decision_id for decision in page.decisions)
            assert not any(decision.critics for decision in page.decisions)
            token = page.next_page_token
            if not token:
                break

    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (engine_pb2.ListDecisionsRequest(page_size=1001), "FIELD_OUT_OF_RANGE"),
        (engine_pb2.ListDecisionsRequest(page_token="nonsense"), "FIELD_MALFORMED"),
        (engine_pb2.ListDecisionsRequest(verdict=77), "ENUM_UNKNOWN"),  # type: ignore[arg-type]  # a later client
        (engine_pb2.ListDecisionsRequest(domain=77), "ENUM_UNKNOWN"),  # type: ignore[arg-type]  # the same
    ],
)
async def test_list_decisions_checks_its_filters(request_: engine_pb2.ListDecisionsRequest, reason: str) -> None:
    """A filter that cannot be right is refused."""
    async with engine(FakeMesh()) as stub:
        with pytest.raises(CallerError, match=reason):
            await stub.ListDecisions(request_)
