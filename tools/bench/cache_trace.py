"""How many of a trace's questions the caches answer, with one replica and with three (spec row CCH-11).

The trace is declared: questions drawn from a Zipf distribution with a fixed seed, each asked of the next replica in
turn. Only exact hits are counted. The replicas are real caches on the stack's Redis and PostgreSQL before a generator
that costs nothing, so that the rate is theirs alone. Three that share nothing show what sharing is for.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import asyncpg

from services.chassis import call
from services.chassis.call import Call, Principal
from services.chassis.client import Departures, open_channel
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.redis import RedisSettings
from services.router.adapters.files import CATALOGUE, TEMPLATES, read_catalogue, read_templates
from services.router.caching.assembly import Caches, World, open_caches
from services.router.caching.rules import Rules
from services.router.core.account import Span, Usage, won
from services.router.core.answer import Answer
from services.router.core.outlook import Outlook
from services.router.core.plan import Plan, Policy, plan
from services.router.core.request import CacheUse, Domain, Limits, Request, Task
from tools.bench.table import table

QUESTIONS, ASKED, EXPONENT, SEED = 500, 900, 1.0, 2026
_NOWHERE = "/nonexistent/redis.sock"
_TOLERANCE_POINTS = 2.0


@dataclass(slots=True)
class _Models:
    """Stands for the providers: answers at once and counts."""

    count: int = 0

    async def generate(self, _request: Request, planned: Plan, _decision_id: str) -> Answer:
        """Return an answer."""
        self.count += 1
        span = Span(started_at=datetime.now(UTC), duration=timedelta(0))
        usage = Usage(input_tokens=1, output_tokens=1, estimated=False)
        first = planned.models[0].provider
        return Answer(
            text="25 days",
            plan=planned,
            call_id=str(self.count),
            provider=first,
            model_version="",
            attempts=(won(planned.model_of(first), usage, span, timedelta(0)),),
            started=1,
            truncated=False,
        )

    async def stream(self, request: Request, planned: Plan, decision_id: str) -> AsyncIterator[str | Answer]:
        """Yield an answer."""
        yield await self.generate(request, planned, decision_id)


@dataclass(slots=True)
class _Background:
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def __call__(self, coro: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        """Start ``coro`` beside the calls."""
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self.tasks.append(task)
        return task

    async def end(self) -> None:
        """End all that was started."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def report(redis: RedisSettings, pool: asyncpg.Pool) -> None:
    """Print the hit rates, in points of a hundred."""
    apart = RedisSettings(socket=_NOWHERE)
    rates = {
        "1 replica": await _rate(1, "one", redis, pool),
        "3 replicas": await _rate(3, "three", redis, pool),
        "3 that share nothing": await _rate(3, "apart", apart, pool),
    }
    print(f"exact hits of {ASKED} questions of {QUESTIONS}, Zipf {EXPONENT:g}, each asked of the next replica in turn")
    print(table(("% answered by caches",), {name: (rate,) for name, rate in rates.items()}))
    distance = abs(rates["1 replica"] - rates["3 replicas"])
    print(f"1 and 3 replicas lie {distance:.1f} points apart; {_TOLERANCE_POINTS:g} are allowed")


async def _rate(replicas: int, tenant: str, redis: RedisSettings, pool: asyncpg.Pool) -> float:
    models = _Models()
    call.enter(Call(request_id="bench", principal=Principal(tenant=f"bench-{tenant}", subject="bench")))
    async with AsyncExitStack() as stack:
        caches = [await stack.enter_async_context(_replica(models, redis, pool)) for _ in range(replicas)]
        for number, question in enumerate(_trace()):
            request = _request(question)
            await caches[number % replicas].generator.generate(request, _plan(request), "")
    return 100 * (1 - models.count / ASKED)


@asynccontextmanager
async def _replica(models: _Models, redis: RedisSettings, pool: asyncpg.Pool) -> AsyncIterator[Caches]:
    background = _Background()
    world = World(
        redis=redis,
        pool=pool,
        channel=open_channel(_NOWHERE, Departures()),
        clock=SystemClock(),
        ids=RandomIds(),
        spawn=background,
    )
    async with open_caches(Rules(use=CacheUse.EXACT), world, generator=models, streams=models) as caches:  # type: ignore[arg-type]  # nobody streams here
        yield caches
    await background.end()
    await world.channel.close()


def _trace() -> list[int]:
    draws = random.Random(SEED)  # noqa: S311 - a trace that can be repeated
    weights = list(accumulate(1 / rank**EXPONENT for rank in range(1, QUESTIONS + 1)))
    return draws.choices(range(QUESTIONS), cum_weights=weights, k=ASKED)


_BASE = Request(query="", domain=Domain.GENERAL, task=Task.ANALYSIS)
_POLICY = Policy(providers=("local",), hedge_delay_s=10.0, limits=Limits())
_CATALOGUE, _PROMPTS = read_catalogue(CATALOGUE), read_templates(TEMPLATES)


def _request(question: int) -> Request:
    return replace(_BASE, query=f"What does rule {question} say?")


def _plan(request: Request) -> Plan:
    return plan(request, _POLICY, _CATALOGUE, _PROMPTS, Outlook())
