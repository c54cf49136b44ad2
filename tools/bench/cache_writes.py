"""What batches of cache writes save where Redis is a round trip of one millisecond away (spec row CCH-03)."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from services.chassis.clock import SystemClock
from services.chassis.redis import RedisSettings, open_redis
from services.router.adapters.caching import form
from services.router.adapters.caching.guard import RedisGuard
from services.router.adapters.caching.write_behind import WriteBehind
from services.router.core.caching.entry import Entry
from tools.bench.slow_wire import slow_wire
from tools.bench.table import table

WRITES = 500
ROUND_TRIP_S = 0.001
LIFE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    name: str
    text: str

    def add(self, pipeline: Pipeline) -> object:
        """Put it on a pipeline."""
        return pipeline.set(self.name, self.text, px=LIFE_MS)


async def report(redis: RedisSettings) -> None:
    """Print how long so many writes take one by one, and through the write-behind batcher."""
    writes = [_Write(name=f"bench:{number}", text=_answer(number)) for number in range(WRITES)]
    async with slow_wire(redis.port, round_trip_s=ROUND_TRIP_S) as port:
        settings = redis.model_copy(update={"port": port, "timeout_s": 5.0})
        async with open_redis(settings) as client:
            await client.ping()
            single, batched = await _single(client, writes), await _batched(client, writes)
            kept = len([name async for name in client.scan_iter("bench:*")])
    print(f"{WRITES} writes to Redis over a wire of {ROUND_TRIP_S * 1000:g} ms; {kept} arrived")
    print(table(("writes/s",), {"one by one": (WRITES / single,), "write-behind": (WRITES / batched,)}))


async def _single(client: Redis, writes: list[_Write]) -> float:
    began = time.perf_counter()
    for write in writes:
        await client.set(write.name, write.text, px=LIFE_MS)
    return time.perf_counter() - began


async def _batched(client: Redis, writes: list[_Write]) -> float:
    behind = WriteBehind(client, RedisGuard(SystemClock(), timeout_s=5.0))
    began = time.perf_counter()
    for write in writes:
        behind.add(partial(_Write.add, write))
    await behind.flush()
    return time.perf_counter() - began


def _answer(number: int) -> str:
    now = datetime.now(UTC)
    return form.write(
        Entry(
            proof=f"{number:064x}",
            text="A full-time employee gets twenty five days of annual leave. " * 8,
            provider="local",
            model="smollm2-135m",
            model_version="",
            truncated=False,
            call_id=f"{number}",
            made_at=now,
            expires_at=now + timedelta(minutes=1),
            took=timedelta(seconds=1),
            lasting=True,
        )
    )
