"""Invalidation over replicas: at once by a word, and by the epoch where the word is lost."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest
from redis.asyncio import Redis

from magistrate.common.v1 import task_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.clock import SystemClock
from services.chassis.errors import Kind, MeshError
from services.chassis.redis import open_redis
from services.router.adapters.caching import announcer as announcer_module
from services.router.adapters.caching.announcer import RedisAnnouncer
from services.router.adapters.caching.guard import RedisGuard
from tests.contract.router_cache.room import (
    HIT,
    LONG,
    RULES,
    ask,
    calls,
    listened,
    locked_out,
    replicas,
    stats,
    written,
)
from tests.contract.routing import ADMIN, Mesh
from tests.fakes.postgres import Database
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import Answer


async def ask_for_ever(one: Mesh) -> None:
    """Ask until it fails: what is kept may be given for as long as the reading of the epoch is good."""
    async with asyncio.timeout(LONG):
        while True:
            await ask(one)


async def test_a_listener_ends_when_it_is_told_to(valkey: ValkeyServer, redis: Redis) -> None:
    """The end of the process waits for it, and the Redis client may turn a cancellation into an error of its own."""
    async with open_redis(valkey.settings) as client:
        announcer = RedisAnnouncer(client=client, guard=RedisGuard(SystemClock(), timeout_s=1.0))

        async def listen() -> None:
            async for _ in announcer.hear():
                pass

        listening = asyncio.create_task(listen())
        await listened(redis, 1)
        listening.cancel()
        await asyncio.wait({listening}, timeout=5.0)

    assert listening.cancelled()


async def test_a_silent_channel_is_looked_at_and_then_left_in_peace(
    valkey: ValkeyServer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a ping is no silence: each patience brings one ping, not as many as the machine can send."""

    async def pings() -> int:
        told = (await redis.info("commandstats")).get("cmdstat_ping", {})
        return int(told.get("calls", 0))

    monkeypatch.setattr(announcer_module, "_PATIENCE_S", 0.05)
    async with open_redis(valkey.settings) as client:
        announcer = RedisAnnouncer(client=client, guard=RedisGuard(SystemClock(), timeout_s=1.0))

        async def listen() -> None:
            async for _ in announcer.hear():
                pass

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(LONG):
            while not await pings():
                await redis.echo("a round trip")
        monkeypatch.setattr(announcer_module, "_PATIENCE_S", LONG)
        before = await pings()
        for _ in range(100):
            await redis.echo("a round trip")
        after = await pings()
        listening.cancel()
        await asyncio.wait({listening}, timeout=5.0)

    assert after <= before + 1, "the short patience that was under way, and no answer to an answer"


@pytest.mark.spec("CCH-05")
async def test_an_invalidation_on_one_replica_is_heard_by_all(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """Both miss afterwards. Readings of the epoch stay good for long here, so that only the word can have done it."""
    async with replicas(2, pool, valkey, principal=ADMIN) as (one, other):
        await listened(redis, 2)
        await ask(one)
        await written(redis)
        assert (await ask(other)).route.HasField("cache_hit")
        epochs = [(await one.stub.InvalidateCache(pb.InvalidateCacheRequest())).epoch for _ in range(2)]
        again = await ask(one)
        async with asyncio.timeout(LONG / 2):
            while (await ask(other)).route.cache_hit.source_call_id not in {"", again.route.call_id}:
                pass
        latest = await ask(other)

    assert epochs == [1, 2]
    assert not again.route.HasField("cache_hit")
    assert latest.route.cache_hit.source_call_id != ""


@pytest.mark.spec("CCH-05")
async def test_a_lost_word_is_healed_by_the_epoch(pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis) -> None:
    """Without the channel a replica notices by its next reading of the epoch, within the configured bound."""
    healing = replace(RULES, epoch_bound_s=0.05)
    async with replicas(1, pool, valkey) as (one,), replicas(1, pool, valkey, rules=healing) as (other,):
        await ask(one)
        await written(redis)
        assert (await ask(other)).route.HasField("cache_hit")
        await other.pool.execute("insert into cache_epochs values ('acme', 7)")
        await other.pool.execute("insert into cache_marks values ('acme', '', '', 7, now())")
        async with asyncio.timeout(LONG / 2):
            while (await ask(other)).route.cache_hit.source_call_id:  # noqa: ASYNC110 - time itself is waited for
                await asyncio.sleep(0.01)

    assert calls(other) == 1


@pytest.mark.spec("CCH-05", "CCH-13")
async def test_an_invalidation_meets_its_scope_and_its_tenant_only(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """A domain and a task are forgotten; other domains, and other tenants, keep their answers."""
    async with (
        replicas(1, pool, valkey, principal=ADMIN) as (one,),
        replicas(1, pool, valkey, principal=replace(ADMIN, tenant="other")) as (stranger,),
    ):
        market = task_pb2.DOMAIN_MARKET
        for asked in (ask(one), ask(one, domain=market), ask(stranger, domain=market)):
            await asked
        await one.stub.InvalidateCache(pb.InvalidateCacheRequest(domain=market, task_type=task_pb2.TASK_TYPE_ANALYSIS))
        kept, forgotten = await ask(one), await ask(one, domain=market)
        untouched = await ask(stranger, domain=market)

    assert kept.route.HasField("cache_hit")
    assert not forgotten.route.HasField("cache_hit")
    assert untouched.route.HasField("cache_hit")


@pytest.mark.spec("CCH-05")
async def test_what_was_under_way_at_an_invalidation_is_not_served_after_it(
    pool: asyncpg.Pool, valkey: ValkeyServer
) -> None:
    """An answer that was begun before is kept under the epoch of then."""
    async with replicas(1, pool, valkey, Answer(delay_s=0.2), Answer()) as (one,):
        early = asyncio.create_task(ask(one))
        await one.vendor.arrived.wait()
        await one.stub.InvalidateCache(pb.InvalidateCacheRequest())
        await early
        late = await ask(one)

    assert not late.route.HasField("cache_hit")
    assert calls(one) == 2


async def test_concurrent_invalidations_count_up_one_by_one(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Twenty at once on two replicas get twenty numbers."""
    async with replicas(2, pool, valkey, principal=ADMIN) as meshes:
        replies = await asyncio.gather(
            *(meshes[n % 2].stub.InvalidateCache(pb.InvalidateCacheRequest()) for n in range(20))
        )

    assert sorted(reply.epoch for reply in replies) == list(range(1, 21))


async def test_an_invalidation_that_cannot_be_written_is_refused(
    pool: asyncpg.Pool, valkey: ValkeyServer, database: Database
) -> None:
    """STORE_UNAVAILABLE: nobody is told that answers are forgotten while they are not."""
    async with replicas(1, pool, valkey, principal=ADMIN) as (one,), locked_out(pool, database):
        with pytest.raises(MeshError) as caught:
            await one.stub.InvalidateCache(pb.InvalidateCacheRequest())

    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")


@pytest.mark.spec("CCH-05")
async def test_without_the_epoch_nothing_kept_is_served(
    pool: asyncpg.Pool, valkey: ValkeyServer, database: Database
) -> None:
    """Nobody could know whether it was invalidated; the caches are passed over and it is counted."""
    async with replicas(1, pool, valkey, rules=replace(RULES, epoch_bound_s=0.5)) as (one,):
        await ask(one)
        async with locked_out(pool, database):
            with pytest.raises(MeshError) as caught:  # of the ledger, which a new answer needs
                await ask_for_ever(one)
        seen = await stats(one)

    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert seen[HIT.CACHE_LEVEL_MEMORY][2] >= 1


@pytest.mark.spec("CCH-05", "RTR-18")
async def test_a_fresh_answer_replaces_the_old_one_on_every_replica(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """Another replica that remembers the old one forgets it, and finds the new one."""
    async with replicas(2, pool, valkey, Answer(words=("old",)), Answer(words=("new",))) as (one, other):
        await listened(redis, 2)
        await ask(one)
        await written(redis)
        assert (await ask(other)).text == "old"
        await ask(one, cache_use=pb.CACHE_USE_REFRESH)
        async with asyncio.timeout(LONG / 2):
            while (await ask(other)).text != "new":
                pass

    assert (calls(one), calls(other)) == (2, 0)
