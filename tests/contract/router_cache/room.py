"""Replicas of the router on one real Valkey and PostgreSQL, each before a fake vendor that counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import asyncpg
import psycopg
from redis.asyncio import Redis

from magistrate.common.v1 import usage_pb2
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.call import Principal
from services.router.adapters.caching.words import CHANNEL
from services.router.caching.rules import Rules
from tests.contract.routing import USER, Mesh, mesh, routing
from tests.fakes.postgres import Database
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import WORDS, Step

TEXT = "".join(WORDS)
HIT = usage_pb2.CacheLevel
OFF = pb.CACHE_USE_BYPASS
LONG = 300.0
"""Seconds that nothing in a test waits for: what happens before has another cause."""
RULES = Rules(epoch_bound_s=LONG, window_s=LONG, lease_s=LONG)
STRICT = replace(RULES, window_s=0.0)
"""Nothing is shared with calls that have ended."""


@asynccontextmanager
async def replicas(
    count: int,
    pool: asyncpg.Pool,
    valkey: ValkeyServer,
    *script: Step,
    rules: Rules = RULES,
    principal: Principal = USER,
) -> AsyncIterator[list[Mesh]]:
    """Serve so many routers, each with a vendor of its own that counts."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                mesh(pool, *script, cache_rules=rules, redis=valkey.settings, principal=principal)
            )
            for _ in range(count)
        ]


async def ask(one: Mesh, query: str = "How much leave?", **fields: object) -> pb.GenerateResponse:
    """Ask one replica."""
    return await one.stub.Generate(pb.GenerateRequest(routing=routing(query, **fields)))


async def ask_warm(one: Mesh, query: str = "How much leave?") -> pb.GenerateResponse:
    """Ask for an answer that may come out differently each time, so that it is not kept."""
    return await ask(one, query, temperature=0.7)


async def read(one: Mesh, query: str = "How much leave?", **fields: object) -> list[pb.GenerateStreamResponse]:
    """Read a whole stream of one replica."""
    request = pb.GenerateStreamRequest(routing=routing(query, **fields))
    return [message async for message in one.stub.GenerateStream(request)]


async def written(redis: Redis, count: int = 1) -> None:
    """Wait until so many answers lie in Redis, and no claim to make one."""
    async with asyncio.timeout(LONG):
        while True:
            claims = [name async for name in redis.scan_iter("*:claim:*")]
            if not claims and len(await answers(redis)) >= count:
                return
            await asyncio.sleep(0.005)


async def answers(redis: Redis) -> list[str]:
    """Return the names of the answers that lie in Redis."""
    return [name async for name in redis.scan_iter("*:answer:*")]


async def listened(redis: Redis, count: int) -> None:
    """Wait until so many replicas listen for invalidations."""
    async with asyncio.timeout(LONG):
        while dict(await redis.pubsub_numsub(CHANNEL)).get(CHANNEL, 0) < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.005)


async def stats(one: Mesh) -> dict[int, tuple[int, int, int]]:
    """Return hits, misses and errors of each level."""
    reply = await one.stub.GetCacheStats(pb.GetCacheStatsRequest())
    return {row.level: (row.hits, row.misses, row.errors) for row in reply.levels}


@asynccontextmanager
async def locked_out(pool: asyncpg.Pool, database: Database) -> AsyncIterator[None]:
    """Keep the router out of its database."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("alter role router connection limit 0")
        try:
            await pool.expire_connections()
            yield
        finally:
            owner.execute("alter role router connection limit -1")


def calls(*meshes: Mesh) -> int:
    """Return the calls that all vendors saw."""
    return sum(one.vendor.count for one in meshes)
