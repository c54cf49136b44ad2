"""What answers of the caches cost, beside asking an instant model: the real router process through Envoy.

Every call goes the way of the engine: its egress, the router's ingress, the router. A miss goes on to the provider and
its vendor and writes the ledger. All rows are measured one call at a time in the same run, in turns.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.common.v1.usage_pb2 import (
    CACHE_LEVEL_MEMORY,
    CACHE_LEVEL_SEMANTIC,
    CACHE_LEVEL_SHARED,
    CACHE_LEVEL_SHARED_CALL,
    CACHE_LEVEL_UNSPECIFIED,
    CacheLevel,
)
from magistrate.router.v1.router_pb2 import CACHE_USE_SEMANTIC, GenerateRequest, RoutingRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from services.chassis.config import SecretFile
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.redis import RedisSettings
from tools.bench import cache_trace, cache_writes
from tools.bench.load import Measured
from tools.bench.mesh import instant_vendor, mesh
from tools.bench.table import table
from tools.up import state
from tools.up.database import DATABASE
from tools.up.folder import Folder
from tools.up.valkey import NAME as VALKEY

CALLS = 40
WARM_UP = 10
MEMORY_ENTRIES = 15
"""Answers that the measured router keeps itself: few, so that older ones must come from the shared level."""
TIMEOUT_S = 10.0
_TENANT = (("x-magistrate-tenant", "bench"), ("x-magistrate-subject", "bench"), ("x-magistrate-roles", "user"))


def main() -> None:
    """Start a mesh of its own, measure, print, stop it."""
    # The long patience shows what a hit by meaning costs instead of hiding slow ones among the misses.
    settings = {"MAGISTRATE_ROUTER_CACHE_ENTRIES": str(MEMORY_ENTRIES), "MAGISTRATE_ROUTER_SEMANTIC_TIMEOUT_S": "5"}
    with instant_vendor() as url, mesh("--no-sample", f"--provider=local={url}", **settings) as folder:
        asyncio.run(_report(folder))


async def _report(folder: Folder) -> None:
    record = state.read(folder)
    await _latencies(Path(record.run_dir) / "engine-egress.sock")
    redis = RedisSettings(port=record.ports[VALKEY], password_file=SecretFile(folder.secret(VALKEY)))
    await cache_writes.report(redis)
    postgres = PostgresSettings(
        port=record.ports["postgres"],
        database=DATABASE,
        user="router",
        password_file=SecretFile(folder.secret("postgres-router")),
        schema="router",
    )
    async with open_pool(postgres) as pool:
        await cache_trace.report(redis, pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One kind of answer: what is asked before, and what is then measured, for each number."""

    level: CacheLevel.ValueType
    before: Callable[[int], RoutingRequest] | None
    asked: Callable[[int], RoutingRequest]


def _routing(query: str, **fields: object) -> RoutingRequest:
    routing = RoutingRequest(query=query, domain=DOMAIN_GENERAL, task_type=TASK_TYPE_ANALYSIS, max_output_tokens=32)
    for name, value in fields.items():
        setattr(routing, name, value)
    return routing


def _meant(query: str) -> RoutingRequest:
    return _routing(query, cache_use=CACHE_USE_SEMANTIC)


ROWS = {
    "miss, instant model": _Row(
        level=CACHE_LEVEL_UNSPECIFIED, before=None, asked=lambda n: _routing(f"What does rule {n} say?")
    ),
    "hit in memory": _Row(
        level=CACHE_LEVEL_MEMORY,
        before=lambda n: _routing(f"What does law {n} say?"),
        asked=lambda n: _routing(f"What does law {n} say?"),
    ),
    "hit in Redis": _Row(
        # Asked before the others, so that newer answers have taken its place in memory.
        level=CACHE_LEVEL_SHARED,
        before=None,
        asked=lambda n: _routing(f"What does decree {n} say?"),
    ),
    "identical call, just ended": _Row(
        level=CACHE_LEVEL_SHARED_CALL,
        before=lambda n: _routing(f"What does act {n} say?", temperature=0.7),
        asked=lambda n: _routing(f"What does act {n} say?", temperature=0.7),
    ),
    "same meaning": _Row(
        level=CACHE_LEVEL_SEMANTIC,
        before=None,
        asked=lambda n: _meant(f"How many annual leave days does department {n} have?"),
    ),
}


async def _latencies(egress: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{egress}") as channel:
        router = RouterServiceStub(channel)

        async def ask(routing: RoutingRequest) -> CacheLevel.ValueType:
            reply = await router.Generate(GenerateRequest(routing=routing), timeout=TIMEOUT_S, metadata=_TENANT)
            return reply.route.cache_hit.level

        for number in range(WARM_UP + CALLS):
            await ask(_routing(f"What does decree {number} say?"))
            await ask(_meant(f"How many days of annual leave does department {number} get?"))
        taken: dict[str, list[float]] = {name: [] for name in ROWS}
        other = dict.fromkeys(ROWS, 0)
        for number in range(WARM_UP + CALLS):
            for name, row in ROWS.items():
                if row.before:
                    await ask(row.before(number))
                began = time.perf_counter()
                level = await ask(row.asked(number))
                if level != row.level:
                    other[name] += 1
                elif number >= WARM_UP:
                    taken[name].append(time.perf_counter() - began)
    _print(taken, other)


def _print(taken: dict[str, list[float]], other: dict[str, int]) -> None:
    measured = {name: Measured(latencies_s=tuple(sorted(some)), wall_s=sum(some)) for name, some in taken.items()}
    rows = {name: (some.percentile_ms(50), some.percentile_ms(99)) for name, some in measured.items()}
    print("an answer of the router through Envoy, one call at a time")
    print(table(("p50 ms", "p99 ms"), rows))
    if strays := ", ".join(f"{count} of {name}" for name, count in other.items() if count):
        print(f"answered otherwise, and not counted: {strays}")
