"""RouterService on the wire: every RPC and reason, before a real provider service, a fake vendor and a real ledger."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import cast

import asyncpg
import psycopg
import pytest

from magistrate.common.v1 import task_pb2, usage_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import Kind, MeshError
from services.chassis.streams import MeshStream
from services.router.core.request import Limits
from tests.contract.routing import ADMIN, Stub, mesh, routing
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool
from tests.fakes.vendors import CONTEXT_TOO_LONG, WORDS, Answer, Junk, Refusal, Silence, Step

TEXT = "".join(WORDS)


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Empty the ledger and yield the router's own pool: its role may do no more than in the field."""
    async with room_pool(database, "router", empty=["spend", "hold", "budget"]) as opened:
        yield opened


async def ask(stub: Stub, request: pb.RoutingRequest, *, streamed: bool = False) -> None:
    """Ask for an answer, or for the first piece of one."""
    if streamed:
        await anext(aiter(stub.GenerateStream(pb.GenerateStreamRequest(routing=request))))
    else:
        await stub.Generate(pb.GenerateRequest(routing=request))


async def read(stub: Stub, into: list[str]) -> None:
    """Read a whole stream, keeping what came before a failure."""
    async for message in stub.GenerateStream(pb.GenerateStreamRequest(routing=routing())):
        into.append(message.text)  # noqa: PERF401 - a comprehension would lose the pieces before the break


@pytest.mark.spec("RTR-20", "PRV-06", "ENG-26")
async def test_generate_answers_with_the_route_that_led_there(pool: asyncpg.Pool) -> None:
    """Text, order, model, template with hash, tries, tokens and cost are all in the reply."""
    async with mesh(pool) as m:
        reply = await m.stub.Generate(pb.GenerateRequest(routing=routing()))

    route = reply.route
    assert (reply.text, reply.truncated) == (TEXT, False)
    assert (route.strategy, list(route.provider_order)) == ("configured", ["openai"])
    assert (route.provider, route.model, route.model_version) == ("openai", "gpt-4o-mini", "gpt-4o-mini")
    assert (route.attempt_count, len(route.attempts)) == (1, 1)
    assert route.attempts[0].outcome == usage_pb2.ATTEMPT_OUTCOME_WON
    assert route.usage.output_tokens == len(WORDS)
    expected = -(-(route.usage.input_tokens * 150_000 + len(WORDS) * 600_000) // 1_000_000)
    assert route.cost.micro_usd == route.attempts[0].cost.micro_usd == expected
    assert (route.template, len(route.template_sha256)) == ("general/analysis@1", 64)
    assert (route.place, route.propensity, route.HasField("complexity")) == ("primary", 1.0, False)
    assert not route.HasField("hedge_delay")
    assert "openai is asked first" in route.explanation


async def test_the_prompt_carries_question_context_and_notes_as_data(pool: asyncpg.Pool) -> None:
    """The vendor gets the template with each part in its own block, and the model of the catalogue."""
    async with mesh(pool) as m:
        await ask(m.stub, routing(context="Leave: 25 days.", additional_context="I am new."))
        sent = m.vendor.calls[0].json()

    assert sent["model"] == "gpt-4o-mini"
    messages = sent["messages"]
    assert isinstance(messages, list)
    assert [message["role"] for message in messages] == ["system", "user"]
    assert "<context>\nLeave: 25 days.\n</context>" in messages[1]["content"]
    assert "<notes>\nI am new.\n</notes>" in messages[1]["content"]


async def test_an_answer_at_the_token_limit_is_told_to_be_cut(pool: asyncpg.Pool) -> None:
    """The caller learns that there was more."""
    async with mesh(pool, Answer(finish="length")) as m:
        reply = await m.stub.Generate(pb.GenerateRequest(routing=routing()))

    assert reply.truncated


@pytest.mark.spec("PRV-07")
async def test_every_try_is_on_the_ledger(pool: asyncpg.Pool) -> None:
    """One row with tenant, subject, decision, provider, model, tokens and micro-dollars, equal to the reply."""
    async with mesh(pool) as m:
        reply = await m.stub.Generate(pb.GenerateRequest(routing=routing()))
        rows = await m.ledger()

    assert len(rows) == 1
    row = rows[0]
    assert (row["tenant"], row["subject"], row["decision_id"]) == ("acme", "ada", "decision-1")
    assert (row["provider"], row["model"], row["outcome"]) == ("openai", "gpt-4o-mini", "won")
    assert (row["input_tokens"], row["output_tokens"]) == (
        reply.route.usage.input_tokens,
        reply.route.usage.output_tokens,
    )
    assert (row["micro_usd"], row["estimated"]) == (reply.route.cost.micro_usd, False)


async def test_the_ledger_cannot_be_changed_by_the_service(pool: asyncpg.Pool, database: Database) -> None:
    """The router's role may add and read rows, nothing else."""
    async with mesh(pool) as m:
        await ask(m.stub, routing())
    with psycopg.connect(database.dsn("router")) as connection:
        for statement in (b"update router.spend set micro_usd = 0", b"delete from router.spend"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()


def shut(database: Database, connections: int) -> None:
    """Let the router have so many connections, none at all with 0, and cut those that it has."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute(f"alter role router connection limit {connections}")
        owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'router'")


@pytest.mark.spec("PRV-08")
async def test_a_call_that_cannot_be_held_is_not_made(pool: asyncpg.Pool, database: Database) -> None:
    """Without its ledger the router says so; it never spends unseen."""
    async with mesh(pool) as m:
        await asyncio.to_thread(shut, database, 0)
        try:
            with pytest.raises(MeshError) as caught:
                await ask(m.stub, routing())
        finally:
            await asyncio.to_thread(shut, database, -1)

    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert m.vendor.calls == []


@pytest.mark.spec("PRV-08", "T11")
async def test_an_answer_is_given_though_its_store_went_away_and_booked_when_it_is_back(
    pool: asyncpg.Pool, database: Database
) -> None:
    """Its hold outlives the absence; then there is one row, and nothing is held."""
    async with mesh(pool, Answer(delay_s=0.3)) as m:
        asking = asyncio.ensure_future(m.stub.Generate(pb.GenerateRequest(routing=routing())))
        await m.vendor.arrived.wait()
        await asyncio.to_thread(shut, database, 0)
        try:
            reply = await asking
        finally:
            await asyncio.to_thread(shut, database, -1)
        rows = await m.ledger()

    assert reply.text
    assert [row["micro_usd"] for row in rows] == [reply.route.cost.micro_usd]
    assert await pool.fetchval("select count(*) from hold") == 0


@pytest.mark.spec("EDG-12")
@pytest.mark.parametrize("decision_id", ["a\0b", "x" * 201])
async def test_a_decision_id_that_no_row_could_keep_is_refused(pool: asyncpg.Pool, decision_id: str) -> None:
    """FIELD_MALFORMED, and no vendor was asked: a call that cannot be booked must not be made."""
    async with mesh(pool) as m:
        with pytest.raises(MeshError) as caught:
            await ask(m.stub, routing(decision_id=decision_id))
        assert m.vendor.calls == []

    assert (caught.value.kind, caught.value.reason) == (Kind.INVALID, "FIELD_MALFORMED")


BAD = {
    "no query": (routing(""), Kind.INVALID, "FIELD_REQUIRED"),
    "5001 characters": (routing("a" * 5001), Kind.INVALID, "FIELD_TOO_LONG"),
    "notes too long": (routing(additional_context="a" * 10_001), Kind.INVALID, "FIELD_TOO_LONG"),
    "no domain": (routing(domain=task_pb2.DOMAIN_UNSPECIFIED), Kind.INVALID, "ENUM_UNKNOWN"),
    "unknown domain": (routing(domain=99), Kind.INVALID, "ENUM_UNKNOWN"),
    "no task": (routing(task_type=task_pb2.TASK_TYPE_UNSPECIFIED), Kind.INVALID, "ENUM_UNKNOWN"),
    "unknown task": (routing(task_type=99), Kind.INVALID, "ENUM_UNKNOWN"),
    "unknown recovery": (routing(stream_recovery=99), Kind.INVALID, "ENUM_UNKNOWN"),
    "cap too high": (routing(max_output_tokens=4001), Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "too hot": (routing(temperature=2.5), Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "unknown strategy": (routing(strategy="magic"), Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "unknown voting rule": (routing(voting_rule=99), Kind.INVALID, "ENUM_UNKNOWN"),
    "fewer than no tools": (routing(tool_count=-1), Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "no JSON schema": (routing(json_schema="{"), Kind.INVALID, "FIELD_MALFORMED"),
    "prompt too long": (routing(context="a" * 20_000), Kind.INVALID, "PROMPT_TOO_LONG"),
    "model chosen by a user": (routing(model="gpt-4"), Kind.DENIED, "MODEL_OVERRIDE_NOT_ALLOWED"),
}


@pytest.mark.spec("C10", "PRV-11", "RTR-22", "ENG-26", "EDG-12")
async def test_a_bad_request_is_refused_by_every_rpc_before_anybody_is_asked(pool: asyncpg.Pool) -> None:
    """Generate, GenerateStream and PlanRoute give the same reason; no vendor call, no row."""
    async with mesh(pool) as m:
        for name, (request, kind, reason) in BAD.items():
            for refused in (
                ask(m.stub, request),
                ask(m.stub, request, streamed=True),
                m.stub.PlanRoute(pb.PlanRouteRequest(routing=request)),
            ):
                with pytest.raises(MeshError) as caught:
                    await refused
                assert (caught.value.kind, caught.value.reason) == (kind, reason), name
        assert m.vendor.calls == []
        assert await m.ledger() == []


@pytest.mark.spec("PRV-08", "C15")
async def test_a_request_that_could_cost_too_much_is_not_sent(pool: asyncpg.Pool) -> None:
    """COST_LIMIT with limit and estimate, and the vendor saw nothing."""
    async with mesh(pool, limits=Limits(micro_usd=10)) as m:
        with pytest.raises(MeshError) as caught:
            await ask(m.stub, routing())
        calls = m.vendor.count

    assert (caught.value.kind, caught.value.reason, calls) == (Kind.EXHAUSTED, "COST_LIMIT", 0)
    assert caught.value.metadata["limit_micro_usd"] == "10"


@pytest.mark.spec("RTR-22")
async def test_an_admin_may_name_a_model(pool: asyncpg.Pool) -> None:
    """It is the only one asked; an unknown one is NOT_FOUND."""
    async with mesh(pool, principal=ADMIN) as m:
        reply = await m.stub.Generate(pb.GenerateRequest(routing=routing(model="gpt-4-turbo")))
        with pytest.raises(MeshError) as caught:
            await ask(m.stub, routing(model="gpt-99"))

    assert (reply.route.model, reply.route.strategy) == ("gpt-4-turbo", "override")
    assert (caught.value.kind, caught.value.reason) == (Kind.NOT_FOUND, "MODEL_NOT_FOUND")


FAULTS: list[tuple[Step, Kind, str, str]] = [
    (Refusal(status=503), Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE", "PROVIDER_UNAVAILABLE"),
    (Refusal(status=401), Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE", "PROVIDER_CREDENTIALS_REJECTED"),
    (Junk(), Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE", "PROVIDER_MALFORMED"),
    (Refusal(status=404), Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE", "PROVIDER_REJECTED"),
    (Refusal(status=429, retry_after="7"), Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED", "PROVIDER_RATE_LIMITED"),
    (Refusal(status=400, code=CONTEXT_TOO_LONG), Kind.INVALID, "PROMPT_TOO_LONG", "PROVIDER_PROMPT_TOO_LONG"),
]


@pytest.mark.spec("RTR-02", "PRV-14")
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("step", "kind", "reason", "last"), FAULTS, ids=[last for *_, last in FAULTS])
async def test_the_end_of_the_route_is_told_with_order_and_last_reason(  # noqa: PLR0917 - one table of cases
    pool: asyncpg.Pool, step: Step, kind: Kind, reason: str, last: str, streamed: bool
) -> None:
    """One reason for the caller, the provider's own in the metadata, its wait kept, and every try booked.

    A lone provider that refuses for the moment is tried again. A refusal costs nothing. A vendor whose reply cannot be
    read has done its work, so the prompt is billed.
    """
    async with mesh(pool, step) as m:
        with pytest.raises(MeshError) as caught:
            await ask(m.stub, routing(), streamed=streamed)
        rows = await m.ledger()

    assert (caught.value.kind, caught.value.reason) == (kind, reason)
    assert (caught.value.metadata["order"], caught.value.metadata["last_reason"]) == ("openai", last)
    assert caught.value.retry_after_s == (7.0 if reason == "PROVIDER_RATE_LIMITED" else None)
    assert [(row["outcome"], row["reason"]) for row in rows] == [("failed", last)] * m.vendor.count
    assert (rows[0]["micro_usd"] > 0) == (last == "PROVIDER_MALFORMED")


async def test_a_stalled_route_ends_with_the_callers_deadline(pool: asyncpg.Pool) -> None:
    """The caller gets DEADLINE_EXPIRED, the vendor is hung up on, and the try is booked."""
    async with mesh(pool, Silence()) as m:
        with pytest.raises(MeshError) as caught:
            await m.stub.Generate(pb.GenerateRequest(routing=routing()), timeout=2.0)
        await m.vendor.cancelled.wait()
        await m.background.began.wait()
        rows = await m.ledger()

    assert (caught.value.kind, caught.value.reason) == (Kind.DEADLINE, "DEADLINE_EXPIRED")
    assert len(rows) == 1


@pytest.mark.spec("PRV-13")
async def test_a_stream_passes_tokens_on_and_ends_with_the_route(pool: asyncpg.Pool) -> None:
    """Every token as it comes; the last message has route, first-token time and cost, and is on the ledger."""
    async with mesh(pool) as m:
        stream = m.stub.GenerateStream(pb.GenerateStreamRequest(routing=routing()))
        *pieces, last = [message async for message in stream]
        rows = await m.ledger()

    assert [piece.text for piece in pieces] == list(WORDS)
    assert not any(piece.HasField("route") for piece in pieces)
    assert (last.text, last.route.provider) == ("", "openai")
    assert last.route.attempts[0].HasField("first_token_after")
    assert [row["micro_usd"] for row in rows] == [last.route.cost.micro_usd]


@pytest.mark.spec("PRV-13")
async def test_the_first_token_is_out_before_the_vendor_is_done(pool: asyncpg.Pool) -> None:
    """A caller that leaves in the middle takes the vendor call with it, and what was written is booked."""
    async with mesh(pool, Answer(stall_after=2)) as m:
        # The generated stub cannot know that the channel of the mesh returns its own kind of stream.
        stream = cast("MeshStream", m.stub.GenerateStream(pb.GenerateStreamRequest(routing=routing())))
        first = await anext(aiter(stream))
        await stream.aclose()
        await m.vendor.cancelled.wait()
        await m.background.began.wait()
        rows = await m.ledger()

    assert first.text == WORDS[0]
    assert [(row["outcome"], row["reason"], row["estimated"]) for row in rows] == [("cancelled", "", True)]
    assert rows[0]["output_tokens"] >= 1


@pytest.mark.parametrize("step", [Answer(cut_after=3), Answer(junk_after=3), Answer(error_after=3)])
async def test_a_stream_that_breaks_says_how_much_was_sent_and_is_booked(pool: asyncpg.Pool, step: Step) -> None:
    """STREAM_BROKEN with provider and characters; the partial answer has its price."""
    pieces: list[str] = []
    async with mesh(pool, step) as m:
        with pytest.raises(MeshError) as caught:
            await read(m.stub, pieces)
        rows = await m.ledger()

    assert pieces == list(WORDS[:3])
    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "STREAM_BROKEN")
    assert caught.value.metadata["provider"] == "openai"
    assert caught.value.metadata["sent_characters"] == str(len("".join(pieces)))
    assert [row["outcome"] for row in rows] == ["failed"]
    assert rows[0]["micro_usd"] > 0


@pytest.mark.spec("RTR-01", "RTR-20")
async def test_plan_route_explains_and_calls_nobody(pool: asyncpg.Pool) -> None:
    """Order, models, template, estimates; no vendor call, no row."""
    async with mesh(pool, order=("openai", "local")) as m:
        plan = await m.stub.PlanRoute(pb.PlanRouteRequest(routing=routing(max_output_tokens=1000)))
        calls, rows = m.vendor.count, await m.ledger()

    assert (calls, rows) == (0, [])
    assert list(plan.route.provider_order) == ["openai", "local"]
    assert (plan.route.provider, plan.route.model) == ("openai", "gpt-4o-mini")
    assert plan.route.attempt_count == 0
    assert plan.estimated_input_tokens > 0
    assert plan.estimated_cost.micro_usd >= 600
    assert "local joins after 10 s" in plan.route.explanation


@pytest.mark.spec("RTR-23")
async def test_list_models_tells_prices_and_health(pool: asyncpg.Pool) -> None:
    """Unknown until the first look, healthy after it, unhealthy once the vendor is gone; others are not enabled."""
    async with mesh(pool) as m:
        seen = []
        for look in (False, True, True):
            if look:
                await m.poll.look()
                await m.vendor.__aexit__()
            listed = await m.stub.ListModels(pb.ListModelsRequest())
            seen.append({model.name: model for model in listed.models})
        await m.vendor.__aenter__()

    assert [models["gpt-4-turbo"].health for models in seen] == [
        pb.MODEL_HEALTH_UNSPECIFIED,
        pb.MODEL_HEALTH_HEALTHY,
        pb.MODEL_HEALTH_UNHEALTHY,
    ]
    turbo, opus = seen[0]["gpt-4-turbo"], seen[0]["claude-3-opus"]
    assert (turbo.tier, turbo.enabled, opus.enabled) == ("premium", True, False)
    assert (turbo.expected_quality, turbo.expected_first_token.ToMilliseconds()) == (0.88, 900)
    assert list(turbo.capabilities) == ["stream", "tools"]
    assert not turbo.HasField("measured_first_token")
    assert seen[0]["gpt-4o-mini"].measured_first_token.ToMilliseconds() == 400
    assert (turbo.input_price_per_million.micro_usd, turbo.output_price_per_million.micro_usd) == (
        10_000_000,
        30_000_000,
    )


@pytest.mark.spec("PRV-05")
async def test_a_long_prompt_is_counted_by_the_vendors_tokenizer(pool: asyncpg.Pool) -> None:
    """A text that looks short by its characters is refused when the tokenizer finds more than fits."""
    fits = routing(context="averylongword " * 400)
    async with mesh(pool, order=("local",)) as m:
        reply = await m.stub.Generate(pb.GenerateRequest(routing=fits))
        with pytest.raises(MeshError) as caught:
            await ask(m.stub, routing(context="a " * 1900))

    assert reply.route.provider == "local"
    assert caught.value.reason == "PROMPT_TOO_LONG"
    assert int(caught.value.metadata["tokens"]) > 2048


async def test_forty_calls_in_flight_are_booked_once_each(pool: asyncpg.Pool) -> None:
    """Concurrency mixes nothing and loses nothing: the ledger's sum is the sum of the replies."""
    async with mesh(pool, Answer(delay_s=0.01)) as m:
        requests = [pb.GenerateRequest(routing=routing("word " * n)) for n in range(1, 41)]
        replies = await asyncio.gather(*(m.stub.Generate(request) for request in requests))
        await m.booked()
        booked = await pool.fetchrow("select count(*), count(distinct call_id) calls, sum(micro_usd) total from spend")

    assert booked is not None
    assert (booked["count"], booked["calls"]) == (40, 40)
    assert booked["total"] == sum(reply.route.cost.micro_usd for reply in replies)
