"""The way of one decision, with the rest of the mesh in memory."""

import asyncio

import pytest

from services.chassis.clock import RandomIds, SystemClock
from services.chassis.errors import CallerError, Kind, MeshError, WorldError
from services.chassis.metrics import REGISTRY
from services.engine.core.budget import Limits
from services.engine.core.decision import (
    PENDING,
    STAGES,
    Decision,
    Degraded,
    Mode,
    Screened,
    Stage,
    StageOutcome,
    Verdict,
)
from services.engine.core.intent import Ending, Result
from services.engine.core.question import Domain, Question, TaskType
from services.engine.pipeline import Pipeline
from tests.fakes.engine import ANSWER, DEGRADED, FakeMesh, down

QUESTION = Question(query="How many days of leave?", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS)
STRICT = Question(
    query="How many days of leave?", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS, strict_context=True
)


async def decide(mesh: FakeMesh, question: Question = QUESTION, time_s: float = 30) -> Decision:
    """Decide on one question with ``mesh`` behind the pipeline."""
    pipeline = Pipeline(mesh.parts(), clock=SystemClock(), ids=RandomIds(), limits=Limits())
    return await pipeline.decide(question, decision_id="d-1", request_id="r-1", time_s=time_s)


@pytest.mark.spec("ENG-01", "ENG-42")
async def test_every_stage_is_there_in_order() -> None:
    """A decision carries every stage in order, its answer and its evidence."""
    mesh = FakeMesh()
    observed: list[Stage] = []
    pipeline = Pipeline(mesh.parts(), clock=SystemClock(), ids=RandomIds(), limits=Limits())

    decision = await pipeline.decide(QUESTION, decision_id="d-1", request_id="r-1", time_s=30, observe=observed.append)

    assert [stage.name for stage in decision.stages] == list(STAGES)
    assert {stage.outcome for stage in decision.stages} == {StageOutcome.DONE}
    assert sorted(stage.name for stage in observed) == sorted(STAGES)
    assert decision.answer == ANSWER
    assert decision.evidence is not None
    assert decision.degraded == ()


async def test_nothing_is_generated_before_screening_and_context() -> None:
    """Screening and context run first, then the model, then critics and scores, then the verdict, then the record."""
    mesh = FakeMesh()

    await decide(mesh)

    order = mesh.calls
    assert set(order[:2]) == {"screen", "context"}
    assert order[2] == "route"
    assert set(order[3:5]) == {"review", "score"}
    assert order[5:] == ["adjudicate", "record"]


@pytest.mark.spec("EDG-13")
async def test_a_rejected_question_goes_to_no_model() -> None:
    """An attack is refused with its detectors, leaves evidence, and cancels what still runs."""
    mesh = FakeMesh(screened=Screened(action="reject", detectors=("injection.override@1",)), stalled={"context"})

    with pytest.raises(CallerError) as refused:
        await decide(mesh)

    assert refused.value.reason == "INPUT_REJECTED"
    assert refused.value.metadata["detectors"] == "injection.override@1"
    assert "route" not in mesh.calls
    assert mesh.cancelled == ["context"]
    assert mesh.refusals == ["injection.override@1"]


async def test_a_refusal_stands_even_if_it_cannot_be_recorded() -> None:
    """A recorder that is down does not let an attack in."""
    mesh = FakeMesh(screened=Screened(action="reject"), failures={"refusal": down()})

    with pytest.raises(CallerError, match="INPUT_REJECTED"):
        await decide(mesh)


@pytest.mark.spec("ENG-06", "ENG-10", "ENG-11", "ENG-12", "ENG-42", "T16")
@pytest.mark.parametrize(
    ("stage", "component", "fallback"),
    [
        ("screen", "screening", "not_screened"),
        ("context", "context", "no_context"),
        ("review", "critics", "unavailable"),
        ("score", "scores", "not_evaluated"),
        ("adjudicate", "verdict", "abstain"),
    ],
)
@pytest.mark.parametrize("stalls", [False, True])
async def test_a_missing_part_is_declared(stage: str, component: str, fallback: str, stalls: bool) -> None:
    """A part that is down or hangs is replaced as its posture says, and the reply says so."""
    mesh = FakeMesh(stalled={stage}) if stalls else FakeMesh(failures={stage: down()})

    decision = await decide(mesh, time_s=0.5)

    assert [(part.component, part.fallback) for part in decision.degraded] == [(component, fallback)]
    assert {s.name: s.outcome for s in decision.stages}[stage] is StageOutcome.UNAVAILABLE


@pytest.mark.spec("ENG-11")
async def test_a_fallback_of_a_call_that_fails_is_counted() -> None:
    """No reply can tell of it, so the metric must."""
    labels = {"component": "context", "fallback": "no_context"}
    before = REGISTRY.get_sample_value("magistrate_fallback_total", labels) or 0

    with pytest.raises(WorldError, match="PROVIDERS_UNAVAILABLE"):
        await decide(FakeMesh(failures={"context": down(), "route": down("PROVIDERS_UNAVAILABLE")}))

    assert REGISTRY.get_sample_value("magistrate_fallback_total", labels) == before + 1


@pytest.mark.spec("RTR-19", "ENG-11")
async def test_models_that_disagree_are_declared_and_told_to_whoever_judges() -> None:
    """The stage is degraded, the reply says that a person decides, and the verdict is made with it."""
    mesh = FakeMesh(disagreed=True)

    decision = await decide(mesh)

    assert [(part.component, part.fallback, part.reason) for part in decision.degraded] == [
        ("router.vote", "person_decides", "NO_CONSENSUS")
    ]
    assert {s.name: s.outcome for s in decision.stages}["route"] is StageOutcome.DEGRADED
    assert [case.generated.disagreed for case in mesh.seen] == [True]


async def test_two_missing_parts_are_both_declared() -> None:
    """One failure does not hide or cause another."""
    mesh = FakeMesh(failures={"context": down(), "score": down("EMBEDDING_UNAVAILABLE")})

    decision = await decide(mesh)

    assert [part.component for part in decision.degraded] == ["context", "scores"]
    assert decision.gathered.mode is Mode.DEGRADED_NO_RAG
    assert decision.answer == ANSWER


async def test_the_context_service_declares_its_own_fallback() -> None:
    """What the context service says of itself is passed on."""
    decision = await decide(FakeMesh(gathered=DEGRADED))

    assert decision.gathered.mode is Mode.CACHE_ONLY
    assert {s.name: s.outcome for s in decision.stages}["context"] is StageOutcome.DEGRADED


@pytest.mark.spec("CTX-07")
async def test_strict_context_is_an_error_when_it_is_missing() -> None:
    """A caller that asked for strict context gets no answer without it."""
    with pytest.raises(WorldError, match="DEPENDENCY_UNAVAILABLE"):
        await decide(FakeMesh(failures={"context": down()}), STRICT)


async def test_no_verdict_releases_nothing() -> None:
    """Without an evaluator there is an abstention and a withheld answer, never a guess."""
    decision = await decide(FakeMesh(failures={"adjudicate": down()}))

    assert decision.verdict is Verdict.ABSTAIN
    assert decision.answer == ""
    assert decision.withheld_reason


@pytest.mark.parametrize(
    ("verdict", "text_released", "shown"),
    [
        (Verdict.ALLOW, True, True),
        (Verdict.CONSTRAINED_ALLOW, True, True),
        (Verdict.ALLOW, False, False),
        (Verdict.ESCALATE, True, False),
        (Verdict.ESCALATE, False, False),
        (Verdict.DENY, True, False),
        (Verdict.ABSTAIN, True, False),
    ],
)
async def test_only_an_explicit_release_shows_the_answer(verdict: Verdict, text_released: bool, shown: bool) -> None:
    """The answer is shown only where verdict and release both say so; the evidence has it in any case."""
    mesh = FakeMesh(verdict=verdict, text_released=text_released)

    decision = await decide(mesh)

    assert bool(decision.answer) is shown
    assert bool(decision.withheld_reason) is not shown
    assert mesh.records["d-1"].generated.text == ANSWER


@pytest.mark.spec("REC-02")
async def test_nothing_is_released_without_evidence() -> None:
    """When evidence cannot be made durable the call fails, whatever the verdict."""
    with pytest.raises(WorldError) as failure:
        await decide(FakeMesh(failures={"record": down("STORE_UNAVAILABLE")}))

    assert failure.value.reason == "EVIDENCE_UNAVAILABLE"


@pytest.mark.spec("REC-02")
async def test_spooled_evidence_is_declared() -> None:
    """An answer that is released before the log has its evidence says so."""
    decision = await decide(FakeMesh(evidence=PENDING))

    assert decision.answer
    assert decision.evidence == PENDING
    assert Degraded(component="evidence", fallback="spooled", reason="EVIDENCE_UNAVAILABLE") in decision.degraded
    assert decision.stages[-1].outcome is StageOutcome.DEGRADED


@pytest.mark.parametrize(
    "error",
    [
        CallerError(Kind.NOT_FOUND, "PACK_NOT_FOUND", "no such pack"),
        CallerError(Kind.INVALID, "FIELD_MALFORMED", "bad pack id"),
    ],
)
async def test_faults_of_the_caller_are_not_degraded_away(error: MeshError) -> None:
    """A wrong pack id is the caller's to mend, not a reason to answer without context."""
    with pytest.raises(CallerError, match=error.reason):
        await decide(FakeMesh(failures={"context": error}))


@pytest.mark.spec("ENG-13")
async def test_a_stalled_model_ends_with_the_deadline() -> None:
    """A model that hangs makes the call fail with DEADLINE_EXPIRED, not hang."""
    with pytest.raises(WorldError, match="DEADLINE_EXPIRED"):
        await decide(FakeMesh(stalled={"route"}), time_s=0.1)


@pytest.mark.spec("ENG-13", "PRV-20")
async def test_cancellation_reaches_whoever_is_at_work() -> None:
    """A caller that goes away cancels the stage that runs."""
    mesh = FakeMesh(stalled={"route"})
    deciding = asyncio.create_task(decide(mesh))
    await mesh.arrived["route"].wait()

    deciding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await deciding

    assert mesh.cancelled == ["route"]


@pytest.mark.spec("REC-01")
async def test_no_model_is_asked_before_the_intent_is_durable() -> None:
    """Where it cannot be recorded that a decision will be made, none is: the caller learns that and pays nothing."""
    mesh = FakeMesh(failures={"intent": down()})

    with pytest.raises(WorldError) as failed:
        await decide(mesh)

    assert failed.value.reason == "EVIDENCE_UNAVAILABLE"
    assert "route" not in mesh.calls
    assert mesh.closed == [], "a log that is in trouble is not asked for more"


@pytest.mark.spec("REC-01")
async def test_every_try_has_an_intent_of_its_own() -> None:
    """Two calls under one decision id open two intents; a decision that is recorded leaves nothing to close."""
    mesh = FakeMesh()

    await decide(mesh)
    with pytest.raises(CallerError, match="IDEMPOTENCY_CONFLICT"):
        await decide(mesh)

    first, second = mesh.opened
    assert (first.decision_id, second.decision_id) == ("d-1", "d-1")
    assert first.key != second.key
    assert [intent for intent, _ in mesh.closed] == [second]


@pytest.mark.spec("REC-01")
@pytest.mark.parametrize(
    ("mesh", "ending"),
    [
        (FakeMesh(failures={"route": down()}), Ending(result=Result.FAILED, reason="DEPENDENCY_UNAVAILABLE")),
        (
            FakeMesh(screened=Screened(action="reject", detectors=("injection.override@1",))),
            Ending(result=Result.REFUSED, reason="INPUT_REJECTED"),
        ),
    ],
    ids=["failed", "refused"],
)
async def test_a_call_without_a_decision_says_how_it_ended(mesh: FakeMesh, ending: Ending) -> None:
    """The intent of a call that fails or is refused is closed with the reason."""
    with pytest.raises(MeshError):
        await decide(mesh)

    assert [how for _, how in mesh.closed] == [ending]


async def test_a_call_that_is_taken_back_says_so() -> None:
    """A caller who goes away while a model answers leaves an intent that is closed as cancelled."""
    mesh = FakeMesh(stalled={"route"})
    deciding = asyncio.create_task(decide(mesh))
    await mesh.arrived["route"].wait()
    deciding.cancel()
    await asyncio.gather(deciding, return_exceptions=True)

    assert [how.result for _, how in mesh.closed] == [Result.CANCELLED]
