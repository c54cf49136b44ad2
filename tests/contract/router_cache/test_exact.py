"""The two exact levels: what is kept, what is found, and what never is."""

from dataclasses import replace

import asyncpg
import pytest
from redis.asyncio import Redis

from magistrate.router.v1 import router_pb2 as pb
from services.chassis.errors import Kind, MeshError
from tests.contract.router_cache.room import HIT, OFF, RULES, STRICT, TEXT, ask, calls, replicas, stats, written
from tests.contract.routing import ADMIN, USER
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import Answer, Refusal


@pytest.mark.spec("RTR-18", "CCH-01", "CCH-08", "CCH-10")
async def test_the_same_question_again_is_answered_from_memory(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """No model is asked, nothing is paid or booked, and the route says where the answer came from."""
    async with replicas(1, pool, valkey) as (one,):
        first, second = await ask(one), await ask(one)
        rows = await one.ledger()
        seen = await stats(one)

    assert (first.text, second.text, calls(one)) == (TEXT, TEXT, 1)
    assert not first.route.HasField("cache_hit")
    route, hit = second.route, second.route.cache_hit
    assert (hit.level, hit.source_call_id, hit.similarity) == (HIT.CACHE_LEVEL_MEMORY, first.route.call_id, 1.0)
    assert hit.HasField("age")
    assert (route.attempt_count, len(route.attempts), route.cost.micro_usd, route.call_id) == (0, 0, 0, "")
    assert (route.provider, route.model) == (first.route.provider, first.route.model)
    assert list(route.provider_order) == ["openai"]
    assert len(rows) == 1
    assert seen[HIT.CACHE_LEVEL_MEMORY] == (1, 1, 0)
    assert seen[HIT.CACHE_LEVEL_SHARED] == (0, 1, 0)


@pytest.mark.spec("CCH-01", "CCH-11", "CCH-12")
async def test_another_replica_finds_the_answer_and_keeps_it_itself(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """The shared level fills the memory of whoever reads it; also of a replica that started anew."""
    async with replicas(2, pool, valkey) as (one, other):
        first = await ask(one)
        await written(redis)
        levels = [(await ask(other)).route.cache_hit for _ in range(2)]
        count = calls(one, other)

    assert [hit.level for hit in levels] == [HIT.CACHE_LEVEL_SHARED, HIT.CACHE_LEVEL_MEMORY]
    assert {hit.source_call_id for hit in levels} == {first.route.call_id}
    assert count == 1


@pytest.mark.spec("CCH-04")
async def test_a_replica_that_starts_has_what_was_used_last(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """Its first call is served from memory, as far as it was told to take; the others wait in Redis."""
    async with replicas(1, pool, valkey) as (one,):
        for number in range(3):
            await ask(one, f"question {number}")
            await written(redis, number + 1)
    async with replicas(1, pool, valkey, rules=replace(RULES, warmed=2)) as (started,):
        levels = [(await ask(started, f"question {number}")).route.cache_hit.level for number in range(3)]

    assert levels == [HIT.CACHE_LEVEL_SHARED, HIT.CACHE_LEVEL_MEMORY, HIT.CACHE_LEVEL_MEMORY]
    assert calls(started) == 0


@pytest.mark.spec("CCH-13", "T25", "T38")
async def test_another_tenant_never_hits_and_redis_holds_no_question(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """The tenant is in the key and in the digest; no name of a key has words of a question."""
    async with (
        replicas(1, pool, valkey) as (one,),
        replicas(1, pool, valkey, principal=replace(USER, tenant="other")) as (other,),
    ):
        await ask(one, "Tell me the launch code")
        await written(redis)
        second = await ask(other, "Tell me the launch code")
        names = [name async for name in redis.scan_iter()]
        lives = [await redis.pttl(name) for name in names]

    assert not second.route.HasField("cache_hit")
    assert calls(one, other) == 2
    assert not any("launch" in name for name in names)
    assert lives
    assert all(0 < life <= 3600 * 1.1 * 1000 for life in lives)


@pytest.mark.spec("CCH-08")
async def test_a_cut_answer_is_not_kept(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Only a whole answer is worth repeating."""
    async with replicas(1, pool, valkey, Answer(finish="length"), rules=STRICT) as (one,):
        replies = [await ask(one) for _ in range(2)]

    assert [reply.truncated for reply in replies] == [True, True]
    assert calls(one) == 2


@pytest.mark.spec("CCH-15")
async def test_a_failure_is_not_kept(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """The next call after a failure tries again."""
    async with replicas(1, pool, valkey, Refusal(status=500), Answer()) as (one,):
        with pytest.raises(MeshError, match="PROVIDERS_UNAVAILABLE"):
            await ask(one)
        second = await ask(one)

    assert (second.text, second.route.HasField("cache_hit"), calls(one)) == (TEXT, False, 2)


@pytest.mark.spec("RTR-18")
async def test_what_a_request_says_about_caches_counts(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Bypass neither reads nor writes; refresh asks and replaces; exact keeps even an answer that may vary."""
    script = [Answer(words=(word,)) for word in ("old", "other", "new", "warm")]
    async with replicas(1, pool, valkey, *script) as (one,):
        await ask(one)
        bypassed = await ask(one, cache_use=OFF)
        kept = await ask(one)
        refreshed = await ask(one, cache_use=pb.CACHE_USE_REFRESH)
        now = await ask(one)
        warm = [await ask(one, cache_use=pb.CACHE_USE_EXACT, temperature=0.9) for _ in range(2)]

    assert [reply.text for reply in (bypassed, kept, refreshed, now, *warm)] == [
        *("other", "old", "new", "new", "warm", "warm")
    ]
    assert [reply.route.HasField("cache_hit") for reply in (bypassed, refreshed, *warm)] == [False, False, False, True]


async def test_an_unknown_wish_about_caches_is_refused(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """ENUM_UNKNOWN with the field; so is an unknown scope of an invalidation."""
    async with replicas(1, pool, valkey, principal=ADMIN) as (one,):
        for refused, field in (
            (ask(one, cache_use=99), "routing.cache_use"),
            (one.stub.InvalidateCache(pb.InvalidateCacheRequest(domain=99)), "domain"),  # type: ignore[arg-type]  # a later client
            (one.stub.InvalidateCache(pb.InvalidateCacheRequest(task_type=99)), "task_type"),  # type: ignore[arg-type]  # the same
        ):
            with pytest.raises(MeshError) as caught:
                await refused
            assert (caught.value.kind, caught.value.reason) == (Kind.INVALID, "ENUM_UNKNOWN")
            assert caught.value.metadata["field"] == field


@pytest.mark.spec("RTR-18", "RTR-19", "CCH-08")
async def test_a_vote_that_agreed_is_kept_with_its_ballots(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """At both levels; a question that nobody voted on has an answer of its own."""
    rule = pb.VOTING_RULE_UNANIMOUS
    async with replicas(2, pool, valkey) as (one, other):
        first = await ask(one, voting_rule=rule)
        await written(redis)
        kept = [await ask(asked, voting_rule=rule) for asked in (one, other)]
        alone = await ask(one)

    assert [reply.route.cache_hit.level for reply in kept] == [HIT.CACHE_LEVEL_MEMORY, HIT.CACHE_LEVEL_SHARED]
    assert [reply.route.vote for reply in kept] == [first.route.vote] * 2
    assert first.route.vote.agreed
    assert not alone.route.HasField("cache_hit")


@pytest.mark.spec("RTR-19", "CCH-08")
async def test_a_vote_without_consensus_is_not_kept(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Whoever asks later gets a vote of its own; the doubtful answer is nobody else's."""
    script = (*(Answer(words=(word,)) for word in ("Paris", "Lyon", "Nice")), Answer())
    async with replicas(1, pool, valkey, *script, rules=STRICT) as (one,):
        first = await ask(one, voting_rule=pb.VOTING_RULE_MAJORITY)
        second = await ask(one, voting_rule=pb.VOTING_RULE_MAJORITY)

    assert not first.route.vote.agreed
    assert (second.route.vote.agreed, second.route.HasField("cache_hit")) == (True, False)
