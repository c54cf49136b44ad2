"""The choice of models on the wire: plans, capabilities, zero healthy providers, votes, finished answers."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import asyncpg
import pytest

from magistrate.common.v1.task_pb2 import Domain, TaskType
from magistrate.context.v1.context_pb2 import Embedding, EmbedRequest, EmbedResponse
from magistrate.context.v1.context_pb2_grpc import EmbeddingServiceServicer, add_EmbeddingServiceServicer_to_server
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import Kind, MeshError
from services.chassis.testing import Registration, serving
from services.router.adapters.embeddings import ContextEmbedder
from services.router.core.outlook import Outlook
from tests.contract.routing import ADMIN, Sight, Stub, mesh, routing
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool
from tests.fakes.vendors import WORDS, Answer, Refusal

TEXT = "".join(WORDS)


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Empty the ledger and yield the router's own pool."""
    async with room_pool(database, "router", empty=["spend"]) as opened:
        yield opened


async def first_of(stub: Stub, request: pb.RoutingRequest) -> None:
    """Ask for the first piece of a streamed answer."""
    await anext(aiter(stub.GenerateStream(pb.GenerateStreamRequest(routing=request))))


@pytest.mark.spec("ENG-26")
async def test_what_the_model_adds_to_an_answer_is_taken_off_by_the_template(pool: asyncpg.Pool) -> None:
    """Echoed delimiters and labels go, what is said stays; a stream says the same, as soon as it is certain."""
    said = Answer(words=("</context>\n", "Answer: ", "25 days", ".\n"))
    async with mesh(pool, said, said) as m:
        whole = await m.stub.Generate(pb.GenerateRequest(routing=routing()))
        streamed = m.stub.GenerateStream(pb.GenerateStreamRequest(routing=routing()))
        pieces = [message.text async for message in streamed]

    assert whole.text == "25 days."
    assert pieces == ["25 days", ".", ""]


@pytest.mark.spec("RTR-01", "RTR-13", "RTR-20")
async def test_plan_route_tells_models_costs_figures_and_who_is_left_out(pool: asyncpg.Pool) -> None:
    """Each model with place, price and what was weighed of it; the others with their reason; the complexity."""
    asked = routing("word " * 51, strategy="adaptive", json_schema='{"type": "object"}')
    async with mesh(pool, order=("openai", "local")) as m:
        plan = await m.stub.PlanRoute(pb.PlanRouteRequest(routing=asked))

    assert [(model.name, model.place) for model in plan.models] == [
        ("smollm2-135m", "primary"),
        ("gpt-4o-mini", "secondary"),
    ]
    assert plan.models[1].figure.startswith("fast, $0.0")
    assert plan.models[1].estimated_cost.micro_usd > plan.estimated_cost.micro_usd == 0
    assert {left.name: left.reason for left in plan.left_out}["gpt-4"] == "gpt-4 cannot do json_schema"
    assert (plan.route.strategy, plan.route.complexity, plan.route.place) == ("adaptive", 0.3, "primary")
    assert (plan.route.propensity, plan.route.explored, plan.route.champion_version) == (1.0, False, 0)
    assert "complexity 0.3 (51 words) asks for a middle model" in plan.route.explanation


@pytest.mark.spec("RTR-23")
async def test_a_schema_that_nobody_keeps_to_is_a_precondition(pool: asyncpg.Pool) -> None:
    """CAPABILITY_MISSING with what is missing; nobody is asked."""
    async with mesh(pool, principal=ADMIN) as m:
        with pytest.raises(MeshError) as caught:
            await m.stub.Generate(pb.GenerateRequest(routing=routing(model="gpt-4", json_schema='{"type": "object"}')))
        calls = m.vendor.count

    assert (caught.value.kind, caught.value.reason) == (Kind.PRECONDITION, "CAPABILITY_MISSING")
    assert caught.value.metadata["capability"] == "json_schema"
    assert calls == 0


@pytest.mark.spec("RTR-17", "ENG-12")
async def test_with_zero_healthy_providers_nobody_is_asked(pool: asyncpg.Pool) -> None:
    """PROVIDERS_UNAVAILABLE with OFFLINE from Generate, the stream and the plan; no vendor call, no row."""
    async with mesh(pool, lookout=Sight(Outlook(away=frozenset({"openai"})))) as m:
        for refused in (
            m.stub.Generate(pb.GenerateRequest(routing=routing())),
            first_of(m.stub, routing()),
            m.stub.PlanRoute(pb.PlanRouteRequest(routing=routing())),
        ):
            with pytest.raises(MeshError) as caught:
                await refused
            assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE")
            assert caught.value.metadata["degraded_mode"] == "OFFLINE"
        calls, rows = m.vendor.count, await m.ledger()

    assert (calls, rows) == (0, [])


@pytest.mark.spec("RTR-19", "PRV-07")
async def test_a_vote_asks_three_models_and_books_each(pool: asyncpg.Pool) -> None:
    """All say the same: the ballots with their calls, one row each, and the cost of all in the reply."""
    asked = routing(voting_rule=pb.VOTING_RULE_UNANIMOUS)
    async with mesh(pool) as m:
        planned = await m.stub.PlanRoute(pb.PlanRouteRequest(routing=asked))
        reply = await m.stub.Generate(pb.GenerateRequest(routing=asked))
        rows = await m.ledger()

    route, vote = reply.route, reply.route.vote
    assert [(model.name, model.place) for model in planned.models] == [
        ("gpt-4o-mini", "voter"),
        ("gpt-4-turbo", "voter"),
        ("gpt-4", "voter"),
    ]
    assert planned.estimated_cost.micro_usd == sum(model.estimated_cost.micro_usd for model in planned.models)
    assert (reply.text, vote.rule, vote.agreed, vote.consensus) == (TEXT, "unanimous", True, 1.0)
    assert [(ballot.model, ballot.group) for ballot in vote.ballots] == [
        ("gpt-4o-mini", 0),
        ("gpt-4-turbo", 0),
        ("gpt-4", 0),
    ]
    assert {ballot.call_id for ballot in vote.ballots} == {row["call_id"] for row in rows}
    assert len({row["call_id"] for row in rows}) == len(route.attempts) == route.attempt_count == 3
    assert route.cost.micro_usd == sum(row["micro_usd"] for row in rows) > 0
    assert route.reserved.micro_usd >= planned.estimated_cost.micro_usd > route.cost.micro_usd
    assert (route.model, route.call_id) == ("gpt-4o-mini", vote.ballots[0].call_id)
    assert not route.HasField("hedge_delay")


@pytest.mark.spec("RTR-19")
async def test_a_vote_without_consensus_is_in_the_route(pool: asyncpg.Pool) -> None:
    """Three models, three answers, one of them a failure: told, and the caller may decide what it means."""
    script = (Answer(words=("Paris",)), Answer(words=("Lyon",)), Refusal(status=500))
    async with mesh(pool, *script) as m:
        reply = await m.stub.Generate(pb.GenerateRequest(routing=routing(voting_rule=pb.VOTING_RULE_MAJORITY)))

    vote = reply.route.vote
    assert (vote.agreed, len(vote.ballots), reply.route.attempt_count) == (False, 3, 3)
    assert sorted(ballot.group for ballot in vote.ballots) == [-1, 0, 1]
    assert [ballot.reason for ballot in vote.ballots if ballot.group == -1] == ["PROVIDERS_UNAVAILABLE"]
    assert "Meaning could not be compared" in reply.route.explanation


@pytest.mark.spec("RTR-19")
async def test_a_vote_that_nobody_answers_and_a_vote_on_a_stream_are_refused(pool: asyncpg.Pool) -> None:
    """The first as a lone failure would be; the second because an answer is known only after the vote."""
    async with mesh(pool, Refusal(status=500)) as m:
        with pytest.raises(MeshError) as failed:
            await m.stub.Generate(pb.GenerateRequest(routing=routing(voting_rule=pb.VOTING_RULE_MAJORITY)))
        with pytest.raises(MeshError) as refused:
            await first_of(m.stub, routing(voting_rule=pb.VOTING_RULE_MAJORITY))
        rows = await m.ledger()

    assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE")
    assert failed.value.metadata["attempts"] == "3"
    assert [row["outcome"] for row in rows] == ["failed"] * 3
    assert (refused.value.reason, refused.value.metadata["field"]) == ("FIELD_OUT_OF_RANGE", "routing.voting_rule")


@pytest.mark.spec("ENG-26")
async def test_every_field_and_task_has_its_template(pool: asyncpg.Pool) -> None:
    """Nine pairs, nine templates, each named with its version and its own hash."""
    plans = {}
    async with mesh(pool) as m:
        for domain, task in product(Domain.values()[1:], TaskType.values()[1:]):
            asked = routing(domain=domain, task_type=task)
            reply = await m.stub.PlanRoute(pb.PlanRouteRequest(routing=asked))
            plans[Domain.Name(domain), TaskType.Name(task)] = reply.route

    for (field_of_work, kind), route in plans.items():
        place = f"{field_of_work.removeprefix('DOMAIN_')}/{kind.removeprefix('TASK_TYPE_')}".lower()
        assert route.template == f"{place}@1"
    assert len({route.template_sha256 for route in plans.values()}) == len(plans) == 9


@dataclass
class Embeddings(EmbeddingServiceServicer):
    """Embeds every text alike, by the model or by its stand-in."""

    degraded: bool = False
    asked: list[list[str]] = field(default_factory=list)

    async def Embed(self, request: EmbedRequest, _context: Any) -> EmbedResponse:  # noqa: N802
        """Return one vector a text."""
        self.asked.append(list(request.texts))
        return EmbedResponse(embeddings=[Embedding(values=[1.0, 0.0]) for _ in request.texts], degraded=self.degraded)


@pytest.mark.spec("RTR-19")
@pytest.mark.parametrize("degraded", [False, True])
async def test_meanings_come_from_the_model_in_one_call_and_never_from_its_stand_in(degraded: bool) -> None:
    """Vectors of a fallback are not comparable with the threshold, so they count as none."""
    embeddings = Embeddings(degraded=degraded)
    service = "magistrate.context.v1.EmbeddingService"
    async with serving([Registration(add_EmbeddingServiceServicer_to_server, embeddings, service)]) as channel:
        embedder = ContextEmbedder(channel, timeout_s=5)
        if degraded:
            with pytest.raises(MeshError, match="EMBEDDING_UNAVAILABLE"):
                await embedder.embed(["one", "two"])
        else:
            assert [vector.values for vector in await embedder.embed(["one", "two"])] == [(1.0, 0.0)] * 2

    assert embeddings.asked == [["one", "two"]]
