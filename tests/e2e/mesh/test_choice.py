"""The choice of models through the whole mesh: plans that call nobody, votes that meet or miss each other."""

import json

import pytest

from magistrate.common.v1.judgement_pb2 import VERDICT_ALLOW, VERDICT_CONSTRAINED_ALLOW, VERDICT_ESCALATE
from magistrate.engine.v1.engine_pb2 import DecideRequest, Decision
from magistrate.router.v1.router_pb2 import PlanRouteRequest, RoutingRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, QUERY, Client, Mesh, question
from tests.fakes.vendors import Answer

ONE = Answer(words=("You have ", "25 days ", "of leave ", "a year."))
OTHER = Answer(words=("Employees get ", "25 days ", "of annual leave."))
CONTRARY = Answer(words=("You have ", "28 days ", "of leave ", "a year."))


async def voted(client: Client, rule: str = "majority") -> Decision:
    """Return a decision whose answer was voted on."""
    asked = question()
    asked.voting_rule = rule
    reply = await client.engine.Decide(DecideRequest(question=asked), timeout=CALL_LIMIT_S, metadata=client.metadata)
    return reply.decision


@pytest.mark.spec("RTR-19")
async def test_answers_that_mean_the_same_are_released(mesh: Mesh, client: Client) -> None:
    """Three models in other words, compared by the mesh's own embedding model: agreed, allowed, all in the evidence."""
    mesh.local.play(ONE)
    mesh.openai.play(OTHER)
    decision = await voted(client, "unanimous")

    vote = decision.route.vote
    assert (vote.rule, vote.agreed, vote.consensus) == ("unanimous", True, 1.0)
    assert len({ballot.model for ballot in vote.ballots}) == 3
    assert decision.verdict in (VERDICT_ALLOW, VERDICT_CONSTRAINED_ALLOW)
    assert (decision.answer, decision.withheld) == ("".join(ONE.words), False)
    assert not decision.degraded_components
    assert (await client.verified(decision)).verified


@pytest.mark.spec("RTR-19", "ENG-11")
async def test_answers_that_contradict_go_to_a_person(mesh: Mesh, client: Client) -> None:
    """25 days and 28 days are near in meaning and no consensus: nothing is released, and it is said why."""
    mesh.local.play(ONE)
    mesh.openai.play(CONTRARY)
    decision = await voted(client, "unanimous")

    assert not decision.route.vote.agreed
    assert (decision.verdict, decision.answer, decision.withheld) == (VERDICT_ESCALATE, "", True)
    assert [(part.component, part.fallback) for part in decision.degraded_components] == [
        ("router.vote", "person_decides")
    ]
    assert "did not agree" in decision.adjudication.explanation


@pytest.mark.spec("RTR-01", "RTR-20")
async def test_a_plan_is_explained_to_anybody_and_calls_nobody(mesh: Mesh) -> None:
    """Through the edge, for a user, with figures; the vendors hear nothing."""
    mesh.calm()
    asked = question()
    routing = RoutingRequest(
        query=asked.query, domain=asked.domain, task_type=asked.task_type, strategy="quality", tool_count=5
    )
    async with mesh.client("user") as user:
        plan = await RouterServiceStub(user.channel).PlanRoute(
            PlanRouteRequest(routing=routing), timeout=CALL_LIMIT_S, metadata=user.metadata
        )

    assert plan.models[0].figure == "quality 0.88 expected"
    assert [model.place for model in plan.models] == ["primary", "secondary"]
    assert mesh.local.calls + mesh.openai.calls == 0


@pytest.mark.spec("RTR-19", "RTR-20")
def test_the_command_shows_the_plan_and_says_what_it_cannot_show(mesh: Mesh) -> None:
    """`decide --plan` names the models and calls nobody; a vote that only the engine asks for is mentioned."""
    mesh.calm()
    plain = mesh.stack.run("decide", "--plan", QUERY)
    weighty = mesh.stack.run("decide", "--plan", "--high-impact", "--json", QUERY)
    voted = mesh.stack.run("decide", "--plan", "--high-impact", "--vote", "majority", "--json", QUERY)

    assert (plain.returncode, plain.stderr) == (0, "")
    assert "smollm2-135m" in plain.stdout
    assert "asks for a vote" in weighty.stderr
    assert json.loads(weighty.stdout)["route"]
    assert voted.stderr == ""
    assert "vote by the rule majority" in voted.stdout
    assert (mesh.local.calls, mesh.openai.calls) == (0, 0)
