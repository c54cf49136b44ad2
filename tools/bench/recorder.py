"""What group commit gives: records made durable through the recorder's API, beside one record a transaction.

A recorder process, its PostgreSQL and the client share the machine; all figures come from one run, so the ratios are
what counts.
"""

import asyncio
import math
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import MeshChannel
from services.chassis.errors import MeshError
from services.chassis.postgres import PostgresSettings
from tools.bench.database import scratch_database
from tools.bench.load import Measured, measure
from tools.bench.recorder_process import running_recorder
from tools.bench.table import Row, table

PAYLOAD = os.urandom(1024)
IN_FLIGHT = 64
CALLS, CALLS_ALONE, READS, STREAMED = 6000, 500, 1000, 20_000
STREAMED_MANY = 60_000
MESSAGE_SIZES = (50, 200)
MESSAGES_UNDERWAY = 1000
"""Records that are underway in a stream of large messages."""
TARGET = 10_000
"""Records a second that a recorder must reach on two cores."""
TARGET_MS = 20.0
"""Within how many milliseconds 99 of 100 messages must be acknowledged at half of that."""
TARGET_RATIO = 10.0
"""How many times one record a transaction a message of 50 must be."""
TIMES = 3
"""How often what has a target is measured: the median counts, since others may use the machine as well."""
PACED_S = 5.0
PACED_SIZE = 50
CALLS_APART = 1500
"""Fewer where each record has a transaction of its own, so that it takes about as long."""
WARM_UP = 100
STREAM_S = 120.0
SINGLE, GROUPED = "one record a transaction", "group commit"
_STRIDE = 7919
"""Distance of the records that are read one after the other: a prime, so that they lie all over the log."""


def main() -> None:
    """Measure, print."""
    with tempfile.TemporaryDirectory(prefix="recorder-") as scratch:
        os.chmod(scratch, 0o755)  # noqa: PTH101, S103 - PostgreSQL's own account must get in
        asyncio.run(_run(Path(scratch)))


async def _run(root: Path) -> None:
    async with scratch_database(root / "state", "recorder") as postgres:
        async with _bench(root / "apart", postgres, "apart", batch_records="1") as bench:
            apart = await bench.append(CALLS_APART, IN_FLIGHT)
            apart_alone = await bench.append(CALLS_ALONE, 1)
        async with _bench(root / "grouped", postgres, "grouped") as bench:
            grouped = await bench.append(CALLS, IN_FLIGHT)
            grouped_alone = await bench.append(CALLS_ALONE, 1)
            streamed = await bench.stream(STREAMED)
            many = {
                size: await _median(partial(bench.stream_many, STREAMED_MANY, size), _rate) for size in MESSAGE_SIZES
            }
            at_half = await _median(partial(bench.paced, TARGET / 2, PACED_S), _p99_ms)
            read = await bench.read(READS, IN_FLIGHT)
            proven = await bench.prove(READS, IN_FLIGHT)
    columns = ("a second", "p50 ms", "p99 ms")
    print(f"records of {len(PAYLOAD)} bytes, {IN_FLIGHT} callers at once")
    together = {SINGLE: _row(apart), GROUPED: _row(grouped), f"{GROUPED}, streamed": (streamed, None, None)}
    for size, measured in many.items():
        together[f"streamed, {size} a message"] = _row(measured)
    together[f"{TARGET / 2:,.0f} a second, no more"] = _row(at_half)
    print(table(columns, together))
    print("the latency of a stream is that of a message, from the moment it was due to its acknowledgement")
    _compare("streamed, 50 a message, records a second", many[50].rate, TARGET)
    _compare("that beside one record a transaction", many[50].rate / apart.rate, TARGET_RATIO)
    _compare("p99 ms at half the target", _p99_ms(at_half), TARGET_MS, at_most=True)
    print(f"median of {TIMES} runs each; load of the machine meanwhile {os.getloadavg()[0]:.1f}")
    print("one caller: it must not wait for company")
    print(table(columns, {SINGLE: _row(apart_alone), GROUPED: _row(grouped_alone)}))
    print(f"records all over the log, {IN_FLIGHT} callers at once")
    print(table(columns, {"read": _row(read), "read and proven": _row(proven)}))


async def _median(run: Callable[[], Awaitable[Measured]], key: Callable[[Measured], float]) -> Measured:
    """Return the middle one of some runs."""
    return sorted([await run() for _ in range(TIMES)], key=key)[TIMES // 2]


def _rate(measured: Measured) -> float:
    return measured.rate


def _p99_ms(measured: Measured) -> float:
    return measured.percentile_ms(99)


def _compare(what: str, measured: float, target: float, *, at_most: bool = False) -> None:
    met = measured <= target if at_most else measured >= target
    bound = "at most" if at_most else "at least"
    print(f"{'met   ' if met else 'MISSED'}  {what}: {measured:,.1f}, {bound} {target:,.0f}")


def _row(measured: Measured) -> Row:
    return measured.rate, measured.percentile_ms(50), measured.percentile_ms(99)


@asynccontextmanager
async def _bench(folder: Path, postgres: PostgresSettings, tenant: str, **settings: str) -> AsyncIterator["Bench"]:
    """Yield a bench for a recorder and a publisher of its own."""
    async with running_recorder(folder, postgres, tenant, **settings) as channel:
        yield Bench(channel)


class Bench:
    """Load for one recorder."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = RecorderServiceStub(channel)
        self._numbers = count()

    async def append(self, calls: int, in_flight: int) -> Measured:
        """Append by calls of one record."""

        async def call() -> object:
            return await self._stub.Append(pb.AppendRequest(entry=self._entry()))

        return await measure(call, calls=calls, in_flight=in_flight, warm_up=WARM_UP)

    async def stream(self, records: int) -> float:
        """Append by one stream; return records a second."""
        began = time.perf_counter()
        async for answer in self._stub.AppendStream(self._entries(records), timeout=STREAM_S):
            if answer.reason:
                raise RuntimeError(answer.reason)
        return records / (time.perf_counter() - began)

    async def stream_many(self, records: int, size: int) -> Measured:
        """Append by one stream of messages with ``size`` records each, a bounded number of them underway."""
        free = asyncio.Semaphore(MESSAGES_UNDERWAY // size)

        async def pace() -> float:
            await free.acquire()
            return time.perf_counter()

        return await self._stream(records // size, size, pace, free.release)

    async def paced(self, rate: float, seconds: float) -> Measured:
        """Append ``rate`` records a second by one stream, whatever comes back."""
        began, sent = time.perf_counter(), count()

        async def pace() -> float:
            due = began + next(sent) * PACED_SIZE / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            return due

        return await self._stream(int(rate * seconds / PACED_SIZE), PACED_SIZE, pace, lambda: None)

    async def _stream(
        self, messages: int, size: int, pace: Callable[[], Awaitable[float]], answered: Callable[[], None]
    ) -> Measured:
        due_at, latencies = dict[str, float](), list[float]()

        async def requests() -> AsyncIterator[pb.AppendStreamRequest]:
            for _ in range(messages):
                due = await pace()
                request = pb.AppendStreamRequest(entries=[self._entry() for _ in range(size)])
                due_at[request.entries[0].idempotency_key] = due
                yield request

        began = time.perf_counter()
        async for answer in self._stub.AppendStream(requests(), timeout=STREAM_S):
            refused = {each.reason for each in answer.acknowledgements if each.reason}
            if refused - {"QUEUE_FULL"}:
                raise RuntimeError(*refused)
            due = due_at.pop(answer.acknowledgements[0].idempotency_key)
            # What finds the queue full is never acknowledged: a machine that is too slow for the rate shows it so.
            latencies.append(math.inf if refused else time.perf_counter() - due)
            answered()
        wall_s = (time.perf_counter() - began) / size
        return Measured(latencies_s=tuple(sorted(latencies)), wall_s=wall_s)

    async def read(self, calls: int, in_flight: int) -> Measured:
        """Read records all over the log."""
        places = await self._places()

        async def call() -> object:
            return await self._stub.GetRecord(pb.GetRecordRequest(at=next(places)))

        return await measure(call, calls=calls, in_flight=in_flight, warm_up=WARM_UP)

    async def prove(self, calls: int, in_flight: int) -> Measured:
        """Have records all over the log proven."""
        places = await self._places()

        async def call() -> object:
            return await self._stub.GetInclusionProof(pb.GetInclusionProofRequest(at=next(places)))

        return await measure(call, calls=calls, in_flight=in_flight, warm_up=WARM_UP)

    async def _places(self) -> Iterator[pb.LogIndex]:
        size = await self._signed_size()
        return (pb.LogIndex(index=number % size) for number in count(step=_STRIDE))

    async def _signed_size(self) -> int:
        """Return how much is signed, once all of it is: the publisher may be behind what was just streamed."""
        async with asyncio.timeout(STREAM_S):
            while True:
                with suppress(MeshError):
                    return (await self._stub.GetCheckpoint(pb.GetCheckpointRequest())).tree_size

    async def _entries(self, records: int) -> AsyncIterator[pb.AppendStreamRequest]:
        for _ in range(records):
            yield pb.AppendStreamRequest(entry=self._entry())

    def _entry(self) -> pb.Entry:
        number = next(self._numbers)
        return pb.Entry(
            idempotency_key=f"key-{number}",
            kind=pb.RECORD_KIND_ATTEMPT,
            decision_id=f"decision-{number // 8}",
            payload=PAYLOAD,
            content_type="application/octet-stream",
        )
