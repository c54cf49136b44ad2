"""Answers that were given before, through the whole mesh: who gets them, what evidence says, what Redis may do."""

import asyncio
import json
import os
import signal
import uuid
from collections.abc import Iterator

import pytest

from magistrate.common.v1.usage_pb2 import (
    CACHE_LEVEL_MEMORY,
    CACHE_LEVEL_SHARED,
    CACHE_LEVEL_SHARED_CALL,
)
from magistrate.engine.v1.engine_pb2 import GetDecisionRequest
from magistrate.router.v1.router_pb2 import GetCacheStatsRequest, InvalidateCacheRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Mesh, serving_mesh
from tests.fakes.vendors import Answer

LOAD, AT_ONCE = 60, 6


@pytest.fixture(scope="module")
def _mesh() -> Iterator[Mesh]:
    # A busy machine is no fault of Redis.
    with serving_mesh("local", MAGISTRATE_ROUTER_CACHE_USE="exact", MAGISTRATE_REDIS_TIMEOUT_S="2") as mesh:
        yield mesh


@pytest.fixture
def caching(_mesh: Mesh) -> Mesh:
    """Return a mesh that caches, its vendor answering at once."""
    _mesh.calm()
    return _mesh


def fresh_question() -> str:
    """Return a question that nobody asked before."""
    return f"How many days of annual leave does employee {uuid.uuid4().hex} get?"


async def cached_errors(client: Client) -> int:
    """Return the look-ups at the shared level that failed."""
    router = RouterServiceStub(client.channel)
    reply = await router.GetCacheStats(GetCacheStatsRequest(), timeout=CALL_LIMIT_S, metadata=client.metadata)
    return next(row.errors for row in reply.levels if row.level == CACHE_LEVEL_SHARED)


def cache_rows(mesh: Mesh) -> dict[str, int]:
    """Return the hits by level that the command line tells programs."""
    run = mesh.stack.run("costs", "--json")
    assert run.returncode == 0, run.stderr
    return {row["level"]: int(row["hits"]) for row in json.loads(run.stdout)["caches"]}


@pytest.mark.spec("RTR-18", "CCH-08")
async def test_evidence_says_that_an_answer_was_kept(caching: Mesh) -> None:
    """The second decision asks no model; its route names the call that did, also where the decision is kept."""
    query = fresh_question()
    async with caching.client() as client:
        first, second = await client.decide(query), await client.decide(query)
        reply = await client.engine.GetDecision(
            GetDecisionRequest(decision_id=second.decision_id), timeout=CALL_LIMIT_S, metadata=client.metadata
        )
        anew = await client.decide(query, fresh=True)

        assert (await client.verified(second)).verified
    hit = second.route.cache_hit
    assert (hit.level, hit.source_call_id) == (CACHE_LEVEL_MEMORY, first.route.call_id)
    assert (second.answer, second.route.cost.micro_usd, len(second.route.attempts)) == (first.answer, 0, 0)
    assert reply.decision.route.cache_hit == hit
    assert not anew.route.HasField("cache_hit")
    assert caching.local.calls == 2


@pytest.mark.spec("RTR-06", "ENG-28")
async def test_identical_decisions_at_once_ask_one_model(caching: Mesh) -> None:
    """Twenty callers, twenty decisions with evidence of their own, one call."""
    caching.local.play(Answer(delay_s=0.3))
    query = fresh_question()
    async with caching.client() as client:
        decisions = await asyncio.gather(*(client.decide(query) for _ in range(20)))

    assert len({decision.evidence.index for decision in decisions}) == 20
    followed = [decision.route.cache_hit.level for decision in decisions if decision.route.HasField("cache_hit")]
    assert len(followed) == 19
    assert set(followed) <= {CACHE_LEVEL_SHARED_CALL, CACHE_LEVEL_MEMORY}
    assert caching.local.calls == 1


@pytest.mark.spec("CCH-10")
async def test_the_command_line_shows_hit_rates_by_level(caching: Mesh) -> None:
    """`magistrate costs` tells an answer that was given again: a hit more, for programs and for people."""
    query, before = fresh_question(), cache_rows(caching)
    async with caching.client() as client:
        await client.decide(query)
        await client.decide(query)
    after, shown = cache_rows(caching), caching.stack.run("costs")

    assert list(after) == [f"CACHE_LEVEL_{level}" for level in ("SHARED_CALL", "MEMORY", "SHARED", "SEMANTIC")]
    assert after["CACHE_LEVEL_MEMORY"] == before["CACHE_LEVEL_MEMORY"] + 1
    assert "memory of the router" in shown.stdout


@pytest.mark.spec("CCH-12")
async def test_a_killed_router_finds_its_answers_again(caching: Mesh) -> None:
    """The memory of the process is gone, the shared one is not: it starts with what was used last."""
    query = fresh_question()
    async with caching.client() as client:
        await client.decide(query)
        killed = caching.stack.send("router")
        await asyncio.to_thread(caching.stack.await_replaced, "router", killed)
        again = await client.decide(query)

    assert again.route.cache_hit.level in {CACHE_LEVEL_MEMORY, CACHE_LEVEL_SHARED}
    assert caching.local.calls == 1


@pytest.mark.spec("CCH-05", "EDG-03")
async def test_an_operator_has_answers_forgotten(caching: Mesh) -> None:
    """InvalidateCache through the edge; the next decision asks a model."""
    query = fresh_question()
    async with caching.client("operator") as operator:
        await operator.decide(query)
        router = RouterServiceStub(operator.channel)
        await router.InvalidateCache(InvalidateCacheRequest(), timeout=CALL_LIMIT_S, metadata=operator.metadata)
        again = await operator.decide(query)

    assert not again.route.HasField("cache_hit")
    assert caching.local.calls == 2


async def _load(client: Client) -> list[str]:
    left = iter(range(LOAD))

    async def caller() -> list[str]:
        return [(await client.decide(fresh_question())).answer for _ in left]

    return [answer for some in await asyncio.gather(*(caller() for _ in range(AT_ONCE))) for answer in some]


@pytest.mark.spec("CCH-01", "R1")
async def test_valkey_killed_under_load_costs_nobody_an_answer(caching: Mesh) -> None:
    """Every decision is made. Its absence is short, so it is killed until some look-ups have met it."""
    async with caching.client() as client:
        before = await cached_errors(client)
        while await cached_errors(client) == before:
            loaded = asyncio.create_task(_load(client))
            await caching.local.called(LOAD // 4)
            killed = caching.stack.send("valkey")
            answers = await loaded
            await asyncio.to_thread(caching.stack.await_replaced, "valkey", killed)

            assert len([answer for answer in answers if answer]) == LOAD


@pytest.mark.spec("CCH-01", "R1")
async def test_a_frozen_valkey_costs_nobody_an_answer(caching: Mesh) -> None:
    """Connections stay open and nothing answers: calls go on without it."""
    async with caching.client() as client:
        before = await cached_errors(client)
        frozen = caching.stack.send("valkey", signal.SIGSTOP)
        try:
            answers = await _load(client)
        finally:
            os.kill(frozen.pid, signal.SIGCONT)

        assert len([answer for answer in answers if answer]) == LOAD
        assert await cached_errors(client) > before
