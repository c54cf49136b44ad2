"""The level of meaning on the wire: the real embedding model, pgvector, and the guard between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import psycopg
import pytest

from magistrate.common.v1 import usage_pb2
from magistrate.context.v1.context_pb2_grpc import add_EmbeddingServiceServicer_to_server
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.client import MeshChannel
from services.chassis.clock import SystemClock
from services.chassis.testing import Registration, serving
from services.context.adapters.embedding import VectorCache, open_embedder
from services.context.adapters.hashing import HashingModel
from services.context.adapters.minilm import MiniLm
from services.context.ports import Model
from services.context.servicer.methods import EmbeddingServicer
from tests.contract.router_cache.room import HIT, LONG, RULES, ask, calls, stats
from tests.contract.routing import ADMIN, USER, Mesh, mesh
from tests.fakes.postgres import Database
from tests.fakes.valkey import ValkeyServer

MEANT = pb.CACHE_USE_SEMANTIC
PATIENT = replace(RULES, patience_s=LONG)
LEAVE = "How many days of annual leave do I get?"
SAME = "How many annual leave days do I have?"


@pytest.fixture(scope="module")
def model() -> MiniLm:
    """Load the mesh's embedding model."""
    return MiniLm()


@asynccontextmanager
async def embedding(model: Model) -> AsyncIterator[MeshChannel]:
    """Serve ``model`` as the context service does."""
    async with open_embedder(model, VectorCache(SystemClock(), entries=100, ttl_s=60)) as embedder:
        servicer = EmbeddingServicer(embedder)
        name = "magistrate.context.v1.EmbeddingService"
        async with serving([Registration(add_EmbeddingServiceServicer_to_server, servicer, name)]) as channel:
            yield channel


async def settled(one: Mesh) -> None:
    """Wait until what the last answer leaves to be written is written."""
    await one.caching.done("keep meaning")


@pytest.mark.spec("CCH-06", "CCH-07")
async def test_a_paraphrase_is_answered_without_a_model(
    pool: asyncpg.Pool, valkey: ValkeyServer, model: MiniLm
) -> None:
    """Only for who asks for it; the route tells how near the questions are, and nothing is paid."""
    async with (
        embedding(model) as channel,
        mesh(pool, cache_rules=PATIENT, redis=valkey.settings, embedding=channel) as one,
    ):
        first = await ask(one, LEAVE, cache_use=MEANT)
        await settled(one)
        found = await ask(one, SAME, cache_use=MEANT)
        exact = await ask(one, SAME)
        seen = await stats(one)
        made = calls(one)

    hit = found.route.cache_hit
    assert (hit.level, hit.source_call_id) == (HIT.CACHE_LEVEL_SEMANTIC, first.route.call_id)
    assert 0.95 <= hit.similarity < 1
    assert (found.text, found.route.cost.micro_usd, len(found.route.attempts)) == (first.text, 0, 0)
    assert not exact.route.HasField("cache_hit")
    assert made == 2
    assert seen[HIT.CACHE_LEVEL_SEMANTIC] == (1, 1, 0)


NEAR_MISSES = (
    ("What is 2+2?", "What is 2+3?"),
    ("Delete all records", "Do not delete all records"),
    ("Who approves purchases above 5,000 euros?", "Who approves purchases below 5,000 euros?"),
    ("How far is 10 km in miles?", "How far is 10 miles in km?"),
    ("Is Rome bigger than Berlin?", "Is Berlin bigger than Rome?"),
)


@pytest.mark.spec("CCH-06", "T24", "C7")
@pytest.mark.parametrize(("known", "asked"), NEAR_MISSES)
async def test_a_near_miss_asks_the_model(
    pool: asyncpg.Pool, valkey: ValkeyServer, model: MiniLm, known: str, asked: str
) -> None:
    """Another number, a negation, another order: another answer, even below no threshold at all."""
    lenient = replace(PATIENT, threshold=0.5)
    async with (
        embedding(model) as channel,
        mesh(pool, cache_rules=lenient, redis=valkey.settings, embedding=channel) as one,
    ):
        await ask(one, known, cache_use=MEANT)
        await settled(one)
        reply = await ask(one, asked, cache_use=MEANT)

    assert not reply.route.HasField("cache_hit")
    assert calls(one) == 2


@pytest.mark.spec("CCH-06", "CCH-13", "T24")
async def test_another_tenant_context_or_note_never_hits(
    pool: asyncpg.Pool, valkey: ValkeyServer, model: MiniLm
) -> None:
    """What surrounds the question must be the same, to the letter."""
    stranger = replace(USER, tenant="other")
    async with (
        embedding(model) as channel,
        mesh(pool, cache_rules=PATIENT, redis=valkey.settings, embedding=channel) as one,
        mesh(pool, cache_rules=PATIENT, redis=valkey.settings, embedding=channel, principal=stranger) as other,
    ):
        await ask(one, LEAVE, cache_use=MEANT, context="Leave: 25 days.")
        await settled(one)
        replies = [
            await ask(one, SAME, cache_use=MEANT, context="Leave: 30 days."),
            await ask(one, SAME, cache_use=MEANT, context="Leave: 25 days.", additional_context="I am new."),
            await ask(one, SAME, cache_use=MEANT, context="Leave: 25 days.", max_output_tokens=9),
            await ask(other, SAME, cache_use=MEANT, context="Leave: 25 days."),
        ]
        found = await ask(one, SAME, cache_use=MEANT, context="Leave: 25 days.")

    assert [reply.route.HasField("cache_hit") for reply in replies] == [False] * 4
    assert found.route.cache_hit.level == HIT.CACHE_LEVEL_SEMANTIC


@pytest.mark.spec("CCH-05", "CCH-06")
async def test_an_invalidation_meets_meanings_too(pool: asyncpg.Pool, valkey: ValkeyServer, model: MiniLm) -> None:
    """The epoch is in the scope."""
    async with (
        embedding(model) as channel,
        mesh(pool, cache_rules=PATIENT, redis=valkey.settings, embedding=channel, principal=ADMIN) as one,
    ):
        await ask(one, LEAVE, cache_use=MEANT)
        await settled(one)
        await one.stub.InvalidateCache(pb.InvalidateCacheRequest())
        reply = await ask(one, SAME, cache_use=MEANT)

    assert not reply.route.HasField("cache_hit")


@pytest.mark.spec("CCH-06")
async def test_the_oldest_questions_make_room(pool: asyncpg.Pool, valkey: ValkeyServer, model: MiniLm) -> None:
    """A tenant never has more than its share; another tenant's are left alone."""
    few = replace(PATIENT, questions=3)
    stranger = replace(USER, tenant="other")
    async with (
        embedding(model) as channel,
        mesh(pool, cache_rules=few, redis=valkey.settings, embedding=channel) as one,
        mesh(pool, cache_rules=few, redis=valkey.settings, embedding=channel, principal=stranger) as other,
    ):
        await ask(other, "Who?", cache_use=MEANT)
        await settled(other)
        for number in range(6):
            await ask(one, f"What is rule {number}?", cache_use=MEANT)
            await settled(one)
        rows = await pool.fetch("select tenant, question from cache_questions order by tenant, question")

    assert [tuple(row) for row in rows] == [
        *(("acme", f"What is rule {number}?") for number in (3, 4, 5)),
        ("other", "Who?"),
    ]


@pytest.mark.spec("CCH-06")
async def test_a_stand_in_for_the_model_is_not_trusted(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Its vectors are blind to meaning: the level is passed over and counted, and the model is asked."""
    async with (
        embedding(HashingModel()) as channel,
        mesh(pool, cache_rules=PATIENT, redis=valkey.settings, embedding=channel) as one,
    ):
        await ask(one, LEAVE, cache_use=MEANT)
        await settled(one)
        reply = await ask(one, SAME, cache_use=MEANT)
        seen = await stats(one)

    assert not reply.route.HasField("cache_hit")
    assert seen[HIT.CACHE_LEVEL_SEMANTIC][0] == 0
    assert seen[HIT.CACHE_LEVEL_SEMANTIC][2] >= 2


@pytest.mark.spec("CCH-06")
async def test_without_an_embedding_service_the_level_is_passed_over(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """The answer comes from the model, as without the level."""
    async with mesh(pool, cache_rules=PATIENT, redis=valkey.settings) as one:  # its provider serves no embeddings
        reply = await ask(one, LEAVE, cache_use=MEANT)
        seen = await stats(one)

    assert reply.route.attempts[0].outcome == usage_pb2.ATTEMPT_OUTCOME_WON
    assert seen[HIT.CACHE_LEVEL_SEMANTIC] == (0, 0, 1)


async def test_a_question_too_long_for_the_model_is_left_out(
    pool: asyncpg.Pool, valkey: ValkeyServer, model: MiniLm
) -> None:
    """Of a long question the model sees the beginning only; two with the same beginning would look alike."""
    async with (
        embedding(model) as channel,
        mesh(pool, cache_rules=PATIENT, redis=valkey.settings, embedding=channel) as one,
    ):
        for end in ("a day?", "days?"):
            await ask(one, "word " * 60 + end, cache_use=MEANT)
            await settled(one)
        seen = await stats(one)

    assert calls(one) == 2
    assert seen[HIT.CACHE_LEVEL_SEMANTIC] == (0, 0, 0)


@pytest.mark.spec("CCH-06")
async def test_a_database_that_does_not_answer_costs_the_patience_only(
    pool: asyncpg.Pool, valkey: ValkeyServer, model: MiniLm, database: Database
) -> None:
    """While nobody can read the questions, the model is asked, and the level counts an error."""
    async with (
        embedding(model) as channel,
        mesh(pool, cache_rules=RULES, redis=valkey.settings, embedding=channel) as one,
    ):
        with psycopg.connect(database.owner_dsn) as owner:
            owner.execute("lock table router.cache_questions in access exclusive mode")
            reply = await ask(one, LEAVE, cache_use=MEANT)
        await settled(one)
        seen = await stats(one)

    assert reply.route.attempts[0].outcome == usage_pb2.ATTEMPT_OUTCOME_WON
    assert seen[HIT.CACHE_LEVEL_SEMANTIC] == (0, 0, 1)
