"""One decision through the edge: everything that led to it is in the reply, and its evidence stands."""

import grpc
import pytest

from magistrate.common.v1.critique_pb2 import EvaluationStatus
from magistrate.common.v1.degradation_pb2 import DEGRADED_MODE_FULL
from magistrate.common.v1.judgement_pb2 import VERDICT_ALLOW
from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.common.v1.usage_pb2 import ATTEMPT_OUTCOME_WON
from magistrate.engine.v1.engine_pb2 import STAGE_OUTCOME_DONE, DecideRequest, DecideStreamRequest, Decision, Question
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, QUERY, Client, Mesh, question
from tests.fakes.stack import Stack
from tests.fakes.vendors import WORDS

STAGES = ["screen", "context", "route", "review", "score", "adjudicate", "record"]
CRITICS = {"rights", "risk", "fairness", "autonomy", "truth", "operations"}
JUDGED = (EvaluationStatus.EVALUATION_STATUS_EVALUATED, EvaluationStatus.EVALUATION_STATUS_NOT_EVALUATED)


def is_complete(decision: Decision) -> None:
    """Assert that nothing is missing that the contract promises of a decision with every part at work."""
    assert [(stage.name, stage.outcome) for stage in decision.stages] == [(name, STAGE_OUTCOME_DONE) for name in STAGES]
    assert all(stage.duration.ToNanoseconds() > 0 for stage in decision.stages)
    assert decision.duration.ToNanoseconds() >= max(stage.duration.ToNanoseconds() for stage in decision.stages)
    assert decision.degraded_mode == DEGRADED_MODE_FULL
    assert not decision.degraded_components
    assert len({score.dimension for score in decision.quality.scores}) == 5
    assert all(score.status in JUDGED for score in decision.quality.scores)
    assert {critic.critic for critic in decision.critics} == CRITICS
    assert all(0 <= critic.severity_0_3 <= 3 and critic.rationale for critic in decision.critics)
    assert 0 <= decision.adjudication.uncertainty.overall <= 1
    assert len(decision.evidence.leaf_hash) == 32


@pytest.mark.spec("ENG-01", "ENG-45", "REC-01")
async def test_a_decision_carries_all_that_led_to_it(client: Client) -> None:
    """Seven stages with their times, five scores, six critics, route, provenance and evidence that verifies."""
    decision = await client.decide()

    is_complete(decision)
    assert (decision.verdict, decision.answer, decision.withheld) == (VERDICT_ALLOW, "".join(WORDS).strip(), False)
    assert decision.context.provenance
    assert all(len(source.sha256) == 64 and source.title for source in decision.context.provenance)
    assert (await client.verified(decision)).verified


@pytest.mark.spec("RTR-02")
async def test_the_route_says_who_answered_at_what_price(client: Client) -> None:
    """Provider, model, order, the one attempt, tokens as the vendor counted them, cost."""
    route = (await client.decide()).route

    assert (route.provider, list(route.provider_order), route.attempt_count) == ("local", ["local", "openai"], 1)
    assert [(attempt.provider, attempt.outcome) for attempt in route.attempts] == [("local", ATTEMPT_OUTCOME_WON)]
    assert route.model
    assert route.template
    assert route.usage.input_tokens > 0
    assert route.usage.output_tokens == len(WORDS)
    assert not route.usage.estimated


@pytest.mark.spec("ENG-35")
async def test_a_stream_tells_each_stage_and_then_the_decision(client: Client) -> None:
    """Seven stages come one by one, the last message is the decision with the same stages, and it verifies."""
    request = DecideStreamRequest(question=question())
    events = [event async for event in client.engine.DecideStream(request, timeout=30, metadata=client.metadata)]

    assert [event.WhichOneof("event") for event in events] == ["stage"] * 7 + ["decision"]
    assert {event.stage.name for event in events[:-1]} == set(STAGES)
    assert events[-2].stage.name == "record"
    is_complete(events[-1].decision)
    assert (await client.verified(events[-1].decision)).verified


@pytest.mark.spec("ENG-44")
async def test_the_call_s_own_id_is_in_the_decision(client: Client, mesh: Mesh) -> None:
    """A caller that names its call finds it again: in the reply, and in the log of every service on the way."""
    name = "7d4c9e52-6a1b-4c3e-9a57-0d1f2e3a4b5c"
    metadata = (*client.metadata, ("x-request-id", name))
    reply = await client.engine.Decide(DecideRequest(question=question()), timeout=CALL_LIMIT_S, metadata=metadata)

    assert reply.decision.request_id == name
    services = ("engine", "context", "critic", "router", "provider-local", "evaluator", "recorder", "gate")
    assert [part for part in services if name not in mesh.stack.folder.log(part).read_text()] == []


@pytest.mark.spec("ENG-01")
async def test_the_real_model_answers(stack: Stack) -> None:
    """With the local model instead of a script: the same whole decision."""
    asked = Question(query=QUERY, domain=DOMAIN_GENERAL, task_type=TASK_TYPE_ANALYSIS, max_output_tokens=24)
    async with stack.channel() as channel:
        engine = EngineServiceStub(channel)
        reply = await engine.Decide(DecideRequest(question=asked), timeout=60, metadata=stack.metadata())

    is_complete(reply.decision)
    assert reply.decision.route.provider == "local"
    assert reply.decision.route.usage.output_tokens > 0


async def test_a_call_without_tls_does_not_enter(mesh: Mesh) -> None:
    """Plaintext to the public port reaches nobody."""
    async with grpc.aio.insecure_channel(mesh.stack.record.edge) as channel:
        engine = EngineServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await engine.Decide(DecideRequest(question=question()), timeout=5, metadata=mesh.stack.metadata())

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert mesh.local.calls == 0
