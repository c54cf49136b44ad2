"""Identical calls share one: in one process, over replicas, however the one ends."""

import asyncio

import asyncpg
import pytest
from redis.asyncio import Redis

from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import MeshError
from tests.contract.router_cache.room import (
    HIT,
    STRICT,
    TEXT,
    answers,
    ask,
    ask_warm,
    calls,
    replicas,
    written,
)
from tests.contract.routing import routing
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import Answer, Refusal, Silence


@pytest.mark.spec("RTR-06", "ENG-28", "CCH-09")
@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_hundred_identical_calls_at_once_make_one(pool: asyncpg.Pool, valkey: ValkeyServer, count: int) -> None:
    """In one process and over replicas; who follows is told whose answer it is, and pays nothing."""
    async with replicas(count, pool, valkey, Answer(delay_s=0.2)) as meshes:
        replies = await asyncio.gather(*(ask_warm(meshes[n % count]) for n in range(100)))
        rows = await meshes[0].ledger()
        made = calls(*meshes)

    led = [reply for reply in replies if not reply.route.HasField("cache_hit")]
    followed = [reply for reply in replies if reply.route.HasField("cache_hit")]
    assert (made, len(led), len(followed), len(rows)) == (1, 1, 99, 1)
    assert {reply.text for reply in replies} == {TEXT}
    assert {reply.route.cache_hit.level for reply in followed} == {HIT.CACHE_LEVEL_SHARED_CALL}
    assert {reply.route.cache_hit.source_call_id for reply in followed} == {led[0].route.call_id}
    assert {(reply.route.cost.micro_usd, len(reply.route.attempts)) for reply in followed} == {(0, 0)}


@pytest.mark.spec("RTR-06", "ENG-28")
async def test_a_call_that_has_just_ended_is_shared_and_an_older_one_is_not(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """Within the window the answer is shared, by other replicas too; without a window each call is made."""
    async with replicas(2, pool, valkey) as (one, other):
        await ask_warm(one)
        await written(redis)
        shared = [(await ask_warm(asked)).route.cache_hit.level for asked in (one, other)]
        within = calls(one, other)
    async with replicas(1, pool, valkey, rules=STRICT) as (strict,):
        for _ in range(2):
            await ask_warm(strict, "another question")
        beyond = calls(strict)

    assert shared == [HIT.CACHE_LEVEL_SHARED_CALL] * 2
    assert (within, beyond) == (1, 2)


async def test_other_questions_are_not_held_up(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Only identical calls share; forty others in flight make forty calls."""
    async with replicas(1, pool, valkey, Answer(delay_s=0.02)) as (one,):
        await asyncio.gather(*(ask(one, f"question {n}") for n in range(40)))

    assert calls(one) == 40


@pytest.mark.spec("RTR-06")
@pytest.mark.parametrize("count", [1, 2])
async def test_followers_of_a_failed_call_try_themselves(pool: asyncpg.Pool, valkey: ValkeyServer, count: int) -> None:
    """The error goes to whose call it was; the others get an answer of a new call."""
    async with replicas(count, pool, valkey, Refusal(status=500), Answer()) as meshes:
        outcomes = await asyncio.gather(*(ask_warm(meshes[n % count]) for n in range(10)), return_exceptions=True)

    failed = [outcome for outcome in outcomes if isinstance(outcome, MeshError)]
    assert 1 <= len(failed) <= count
    assert len([outcome for outcome in outcomes if isinstance(outcome, pb.GenerateResponse)]) == 10 - len(failed)


async def test_where_every_call_fails_everybody_hears_it(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Nobody hangs behind a provider that never answers well."""
    async with replicas(2, pool, valkey, Refusal(status=500)) as meshes:
        outcomes = await asyncio.gather(*(ask_warm(meshes[n % 2]) for n in range(10)), return_exceptions=True)

    assert {getattr(outcome, "reason", "") for outcome in outcomes} == {"PROVIDERS_UNAVAILABLE"}


async def test_who_leaves_disturbs_nobody_and_the_last_to_leave_ends_the_call(
    pool: asyncpg.Pool, valkey: ValkeyServer
) -> None:
    """One of two waiters leaves and the other is served; where both leave, the vendor is hung up on."""
    async with replicas(1, pool, valkey, Answer(delay_s=0.2), Silence()) as (one,):
        first, second = (asyncio.create_task(ask_warm(one)) for _ in range(2))
        await one.vendor.arrived.wait()
        first.cancel()
        served = await second
        one.vendor.arrived.clear()
        waiters = [asyncio.create_task(ask_warm(one, "another")) for _ in range(2)]
        await one.vendor.arrived.wait()
        for waiter in waiters:
            waiter.cancel()
        await one.vendor.cancelled.wait()
        made = calls(one)

    assert served.text == TEXT
    assert made == 2


@pytest.mark.spec("RTR-06")
async def test_a_claim_of_a_dead_replica_lapses(pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis) -> None:
    """Whoever waits for it makes the call itself, after the lease and not after its own deadline."""
    async with replicas(1, pool, valkey) as (one,):
        await ask_warm(one)
        await written(redis)
        (answer,) = await answers(redis)
        await redis.delete(answer)
        await redis.set(answer.replace(":answer:", ":claim:"), "of a dead replica", px=500)
    async with replicas(1, pool, valkey) as (other,):
        reply = await ask_warm(other)

    assert not reply.route.HasField("cache_hit")
    assert calls(other) == 1


async def test_a_follower_waits_no_longer_than_its_own_deadline(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """While another replica works for long, a caller with little time gets DEADLINE_EXPIRED, and nothing is called."""
    async with replicas(2, pool, valkey, Silence()) as (one, other):
        leading = asyncio.create_task(ask_warm(one))
        await one.vendor.arrived.wait()
        with pytest.raises(MeshError) as caught:
            await other.stub.Generate(
                pb.GenerateRequest(routing=routing("How much leave?", temperature=0.7)), timeout=0.2
            )
        leading.cancel()

    assert (caught.value.reason, calls(other)) == ("DEADLINE_EXPIRED", 0)


async def test_a_leader_out_of_time_leaves_its_followers_theirs(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """The call ends with the deadline of who began it; who waits with more time makes one of its own."""
    async with replicas(1, pool, valkey, Silence(), Answer()) as (one,):
        request = pb.GenerateRequest(routing=routing("How much leave?", temperature=0.7))
        leading = asyncio.ensure_future(one.stub.Generate(request, timeout=2.0))
        await one.vendor.arrived.wait()
        follower = await ask_warm(one)
        with pytest.raises(MeshError) as caught:
            await leading

    assert caught.value.reason == "DEADLINE_EXPIRED"
    assert (follower.text, calls(one)) == (TEXT, 2)
