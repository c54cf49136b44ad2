"""What an operator can do to a Redis that stays up: callers get their answers all the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.contract.router_cache.room import LONG, TEXT, ask, replicas, stats
from tests.contract.routing import Mesh
from tests.fakes.valkey import ValkeyServer
from tests.fakes.vendors import Answer

AT_ONCE = 10
SOME = 100
"""Calls that are answered before a disturbance, and again after it."""


async def cut(redis: Redis) -> None:
    """End every other connection."""
    await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


async def pause(redis: Redis) -> None:
    """Let nobody have an answer for a second."""
    await redis.execute_command("CLIENT", "PAUSE", "1000", "ALL")


async def empty(redis: Redis) -> None:
    """Forget everything."""
    await redis.flushall()


async def fill(redis: Redis) -> None:
    """Take no more: every write is refused from now on."""
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.config_set("maxmemory", "1")


DISTURBANCES = (cut, pause, empty, fill)


@asynccontextmanager
async def load(meshes: list[Mesh]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Yield what waits for some more answers of callers that never stop; each must be the right one."""
    answered, numbers, stopping = asyncio.Semaphore(0), count(), asyncio.Event()

    async def caller() -> None:
        while not stopping.is_set():
            number = next(numbers)
            # Every other question was asked before, so that the caches are read as well as written.
            reply = await ask(meshes[number % len(meshes)], f"question {number // 2}")
            assert reply.text == TEXT
            answered.release()

    async def more() -> None:
        async with asyncio.timeout(LONG):
            for _ in range(SOME):
                await answered.acquire()

    async with asyncio.TaskGroup() as callers:
        for _ in range(AT_ONCE):
            callers.create_task(caller())
        try:
            yield more
        finally:
            stopping.set()


@pytest.mark.spec("CCH-01")
@pytest.mark.parametrize("disturb", DISTURBANCES)
async def test_no_caller_sees_it(
    pool: asyncpg.Pool, valkey: ValkeyServer, redis: Redis, disturb: Callable[[Redis], Awaitable[None]]
) -> None:
    """R1: connections cut, answers held back, everything forgotten, no memory left: each call has its right answer."""
    async with replicas(2, pool, valkey, Answer(delay_s=0.005)) as meshes, load(meshes) as more:
        await more()
        await disturb(redis)
        await more()
        seen = [await stats(one) for one in meshes]

    assert all(sum(levels[level][0] + levels[level][1] for level in levels) for levels in seen)
