"""Early refresh: one caller makes an answer anew before it ends, and the answer of before is there if that fails."""

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from redis.asyncio import Redis

from services.chassis import call
from services.chassis.call import Call
from services.router.caching.cache import Cache
from services.router.core.answer import Answer as Given
from services.router.core.caching.use import Level
from services.router.core.plan import Policy
from services.router.core.request import Limits
from tests.contract.router_cache.room import RULES, answers, calls, replicas, written
from tests.contract.routing import USER
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import Answer, Refusal
from tests.unit.router.requests import asking, planned

POLICY = Policy(providers=("openai",), hedge_delay_s=10.0, limits=Limits())
QUESTION, PLAN = asking(), planned(POLICY)
SLOW = Answer(words=("old",), delay_s=0.05)
NEW = Answer(words=("new",))
EARLY, LATE = 5e-324, 1.0
"""Draws that refresh at once (700 times what the answer took), and never before its end."""
BRIEF = replace(RULES, ttl_s=10.0)
"""Answers live for 20 s: less than 700 times 50 ms."""


def drawing(cache: Cache, draw: float) -> Cache:
    """Return ``cache`` with every draw being ``draw``."""
    return replace(cache, store=replace(cache.store, draw=lambda: draw))


async def ask(cache: Cache, draw: float) -> Given:
    """Ask the one question."""
    call.enter(Call(request_id="refresh", principal=USER))
    return await drawing(cache, draw).generate(QUESTION, PLAN, "")


@pytest.mark.spec("CCH-09")
async def test_one_caller_refreshes_and_the_next_finds_it(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """The draw decides; whoever does not refresh is served at once."""
    async with replicas(1, pool, valkey, SLOW, NEW, rules=BRIEF) as (one,):
        cache = one.caches.generator
        answers = [await ask(cache, draw) for draw in (LATE, LATE, EARLY, LATE)]

    assert [answer.text for answer in answers] == ["old", "old", "new", "new"]
    assert [answer.cache_hit is not None for answer in answers] == [False, True, False, True]
    assert calls(one) == 2


@pytest.mark.spec("CCH-09")
async def test_a_refresh_that_fails_serves_what_is_still_good(pool: asyncpg.Pool, valkey: ValkeyServer) -> None:
    """Providers that are away cost nobody the answer of before."""
    async with replicas(1, pool, valkey, SLOW, Refusal(status=500), rules=BRIEF) as (one,):
        cache = one.caches.generator
        await ask(cache, LATE)
        kept = await ask(cache, EARLY)

    assert (kept.text, kept.attempts) == ("old", ())
    assert calls(one) == 2


@pytest.mark.spec("CCH-09")
async def test_what_another_replica_refreshes_is_not_refreshed_twice(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis
) -> None:
    """While somebody holds the claim, the answer of before is served."""
    async with replicas(2, pool, valkey, SLOW, rules=BRIEF) as (one, other):
        await ask(one.caches.generator, LATE)
        await written(redis)
        (name,) = await answers(redis)
        await redis.set(name.replace(":answer:", ":claim:"), "of another replica", px=timedelta(seconds=60))
        from_memory = await ask(one.caches.generator, EARLY)
        from_redis = await ask(other.caches.generator, EARLY)

    hits = [from_memory.cache_hit, from_redis.cache_hit]
    assert [hit and hit.level for hit in hits] == [Level.MEMORY, Level.SHARED]
    assert calls(one, other) == 1
