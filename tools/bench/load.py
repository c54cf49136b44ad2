"""A closed-loop load: so many calls in flight until so many are done; every latency is kept."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run of calls took."""

    latencies_s: tuple[float, ...]
    """Sorted."""
    wall_s: float

    @property
    def rate(self) -> float:
        """Return calls a second."""
        return len(self.latencies_s) / self.wall_s

    def percentile_ms(self, percent: float) -> float:
        """Return the latency that ``percent`` of the calls stayed within, in milliseconds."""
        place = min(len(self.latencies_s) - 1, int(len(self.latencies_s) * percent / 100))
        return self.latencies_s[place] * 1000


async def measure(call: Call, *, calls: int, in_flight: int, warm_up: int) -> Measured:
    """Make ``warm_up`` calls that do not count, then ``calls`` with ``in_flight`` at a time."""
    await _run(call, warm_up, in_flight)
    began = time.perf_counter()
    latencies = await _run(call, calls, in_flight)
    return Measured(latencies_s=tuple(sorted(latencies)), wall_s=time.perf_counter() - began)


async def _run(call: Call, calls: int, in_flight: int) -> list[float]:
    latencies: list[float] = []
    left = iter(range(calls))

    async def worker() -> None:
        for _ in left:
            began = time.perf_counter()
            await call()
            latencies.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker())
    return latencies
