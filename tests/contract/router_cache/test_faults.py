"""What callers notice when Redis is killed, frozen or emptied: nothing but that more models are asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest
from redis.asyncio import Redis

from magistrate.router.v1 import router_pb2 as pb
from services.chassis.clock import SystemClock
from services.chassis.errors import MeshError
from services.chassis.redis import open_redis
from services.router.adapters.caching.guard import RULES as BREAKER
from services.router.adapters.caching.guard import RedisGuard
from services.router.adapters.caching.write_behind import MAX_WAITING, WriteBehind
from tests.contract.router_cache.room import (
    HIT,
    LONG,
    RULES,
    TEXT,
    answers,
    ask,
    ask_warm,
    calls,
    replicas,
    stats,
    written,
)
from tests.contract.routing import ADMIN
from tests.fakes.valkey import ValkeyServer, answering
from tests.fakes.vendors import Answer

LOAD = 200
AT_ONCE = 10


class _Stopped:
    """A clock that stands."""

    def monotonic(self) -> float:
        """Return the one time there is."""
        return 0.0


@pytest.mark.spec("CCH-01")
@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_under_load_no_caller_sees_the_fault(pool: asyncpg.Pool, valkey: ValkeyServer, fault: str) -> None:
    """R1: each of two hundred calls is answered; memory goes on serving, and the level that is away counts errors."""
    valkey.patience_s = 0.25
    async with replicas(2, pool, valkey, Answer(delay_s=0.01)) as meshes:
        await ask(meshes[0], "known")
        left = iter(range(LOAD))
        broken = asyncio.Event()

        async def caller() -> list[str]:
            texts = []
            for number in left:
                if number == LOAD // 4:
                    getattr(valkey, {"killed": "kill", "frozen": "freeze"}[fault])()
                    broken.set()
                texts.append((await ask(meshes[number % 2], f"question {number}")).text)
            return texts

        texts = [text for some in await asyncio.gather(*(caller() for _ in range(AT_ONCE))) for text in some]
        known = await ask(meshes[0], "known")
        seen = [await stats(one) for one in meshes]

    assert texts == [TEXT] * LOAD
    assert known.route.cache_hit.level == HIT.CACHE_LEVEL_MEMORY
    assert all(levels[HIT.CACHE_LEVEL_SHARED][2] > 0 for levels in seen)


@pytest.mark.spec("RTR-06")
async def test_without_redis_calls_are_shared_within_the_process(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Twenty at once on each of two replicas make two calls."""
    async with replicas(2, pool, valkey, Answer(delay_s=0.2)) as meshes:
        valkey.kill()
        replies = await asyncio.gather(*(ask_warm(meshes[n % 2]) for n in range(40)))

    assert {reply.text for reply in replies} == {TEXT}
    assert calls(*meshes) == 2


async def test_a_server_that_comes_back_empty_is_used_again(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """Once the breaker has looked, replicas find each other's answers again; scripts that it lost are sent anew."""
    async with replicas(2, pool, valkey) as (one, other):
        await ask(one, "before")
        valkey.kill()
        await ask(one, "meanwhile")
        valkey.start()
        await answering(redis)
        async with asyncio.timeout(LONG):
            while not await answers(redis):
                await ask(one, cache_use=pb.CACHE_USE_REFRESH)
        await written(redis)
        found = await ask(other)

    assert found.route.cache_hit.level == HIT.CACHE_LEVEL_SHARED


async def test_an_invalidation_counts_while_redis_is_away(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """The truth is in PostgreSQL: the replica that was asked misses at once, the other within its bound."""
    healing = replace(RULES, epoch_bound_s=0.05)
    async with (
        replicas(1, pool, valkey, principal=ADMIN) as (one,),
        replicas(1, pool, valkey, rules=healing) as (other,),
    ):
        await ask(one)
        await ask(other)
        valkey.kill()
        await one.stub.InvalidateCache(pb.InvalidateCacheRequest())
        again = await ask(one)
        async with asyncio.timeout(LONG):
            while calls(other) == 0:
                await ask(other)

    assert not again.route.HasField("cache_hit")


@pytest.mark.spec("CCH-05")
async def test_a_replica_listens_again_after_a_restart(pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis) -> None:
    """The channel is entered anew, and the next word is heard."""
    async with replicas(2, pool, valkey, principal=ADMIN) as (one, other):
        await ask(other)
        valkey.kill()
        valkey.start()
        await answering(redis)
        async with asyncio.timeout(LONG):
            while calls(other) < 2:  # word may be lost as long as nobody has entered the channel again
                await one.stub.InvalidateCache(pb.InvalidateCacheRequest())
                await ask(other)

    assert calls(other) == 2


async def test_a_dead_redis_costs_no_more_than_a_few_timeouts(valkey: ValkeyServer) -> None:
    """Once the breaker is open, commands are refused without being tried."""
    valkey.freeze()
    tried = 0

    async def command() -> None:
        nonlocal tried
        tried += 1
        await client.ping()

    async with open_redis(valkey.settings) as client:
        guard = RedisGuard(_Stopped(), timeout_s=0.05)  # type: ignore[arg-type]  # it is asked for nothing else
        for _ in range(50):
            with pytest.raises(MeshError) as caught:
                await guard.run(command)
            assert caught.value.reason == "STORE_UNAVAILABLE"

    assert tried == BREAKER.failures


@pytest.mark.spec("CCH-03", "CCH-14")
async def test_waiting_writes_are_bounded_and_sent_in_batches(valkey: ValkeyServer) -> None:
    """The oldest are given up beyond the bound; the others arrive."""
    async with open_redis(valkey.settings) as client:
        writes = WriteBehind(client, RedisGuard(SystemClock(), timeout_s=5.0))
        for number in range(MAX_WAITING + 10):
            writes.add(lambda pipeline, number=number: pipeline.set(f"k{number}", "v"))  # type: ignore[misc]  # a default binds it
        await writes.flush()
        kept = {name async for name in client.scan_iter()}

    assert kept == {f"k{number}" for number in range(10, MAX_WAITING + 10)}


@asynccontextmanager
async def _foreign(redis: Redis, text: str) -> AsyncIterator[None]:
    """Replace every answer in Redis by ``text``."""
    for name in await answers(redis):
        await redis.set(name, text)
    yield


@pytest.mark.spec("T38")
@pytest.mark.parametrize("text", ["", "{}", "no json", '{"text": "forged"}'])
async def test_what_lies_in_redis_is_not_believed(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis, text: str
) -> None:
    """What is no entry of this very call is a miss, and is written over."""
    async with replicas(2, pool, valkey) as (one, other):
        await ask(one)
        await written(redis)
        async with _foreign(redis, text):
            reply = await ask(other)

    assert (reply.text, reply.route.HasField("cache_hit"), calls(other)) == (TEXT, False, 1)
