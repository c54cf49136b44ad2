"""Measure the recorder: acknowledged records a second through its gRPC API, against one record a transaction.

Run ``python -m tools.bench.recorder``. A recorder process, its PostgreSQL and the client share the machine; both
figures come from the same run, so the ratio is what counts.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.call import Principal
from services.chassis.client import Departures, MeshChannel, open_channel
from services.chassis.postgres import PostgresSettings
from tools.bench.database import scratch_database
from tools.verify.keys import BODY_KEY, SIGNING_KEY, generate

PAYLOAD = os.urandom(1024)
IN_FLIGHT = 64
CALL_S = 30.0


class Bench:
    """One run against one recorder."""

    def __init__(self, channel: MeshChannel, name: str) -> None:
        self._stub = RecorderServiceStub(channel)
        self._name = name
        self._made = 0

    async def unary(self, seconds: float, in_flight: int) -> float:
        """Append by single calls from so many callers; print and return records a second."""
        latencies = await _repeat(self._append, seconds, in_flight)
        return _report(f"{self._name}, Append, {in_flight} in flight", latencies, seconds)

    async def stream(self, count: int) -> float:
        """Append so many by one stream; print and return records a second."""
        began = time.perf_counter()
        async for answer in self._stub.AppendStream(self._entries(count), timeout=600):
            if answer.reason:
                raise RuntimeError(answer.reason)
        rate = count / (time.perf_counter() - began)
        print(f"{self._name}, AppendStream: {rate:,.0f} records/s")
        return rate

    async def proofs(self, seconds: float) -> None:
        """Make proofs of records all over the log; print their rate and size."""
        size = (await self._stub.GetCheckpoint(pb.GetCheckpointRequest())).tree_size
        indexes = iter(range(0, 1 << 40, 7919))

        async def prove() -> None:
            place = pb.LogIndex(index=next(indexes) % size)
            reply = await self._stub.GetInclusionProof(pb.GetInclusionProofRequest(at=place))
            sizes.append(sum(map(len, reply.hashes)))

        sizes: list[int] = []
        latencies = await _repeat(prove, seconds, IN_FLIGHT)
        _report(f"{self._name}, GetInclusionProof in {size:,} leaves", latencies, seconds)
        print(f"    a proof has at most {max(sizes)} bytes of hashes")

    async def _append(self) -> None:
        await self._stub.Append(pb.AppendRequest(entry=self._entry()))

    async def _entries(self, count: int) -> AsyncIterator[pb.AppendStreamRequest]:
        for _ in range(count):
            yield pb.AppendStreamRequest(entry=self._entry())

    def _entry(self) -> pb.Entry:
        self._made += 1
        return pb.Entry(
            idempotency_key=f"{self._name}-{self._made}".replace(" ", "-"),
            kind=pb.RECORD_KIND_ATTEMPT,
            decision_id=f"decision-{self._made // 8}",
            payload=PAYLOAD,
            content_type="application/octet-stream",
        )


async def _repeat(work: Callable[[], Awaitable[None]], seconds: float, in_flight: int) -> list[float]:
    """Return how long each ``work`` took, done over and over by so many at once."""
    latencies = list[float]()
    end = time.perf_counter() + seconds

    async def one() -> None:
        while (began := time.perf_counter()) < end:
            await work()
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(one() for _ in range(in_flight)))
    return latencies


def _report(what: str, latencies: list[float], seconds: float) -> float:
    cuts = statistics.quantiles(latencies, n=100)
    rate = len(latencies) / seconds
    print(f"{what}: {rate:,.0f}/s, p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms")
    return rate


@asynccontextmanager
async def _recorder(folder: Path, postgres: PostgresSettings, tenant: str, **settings: str) -> AsyncIterator[Bench]:
    """Yield a bench for a recorder process of its own."""
    generate(folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services", "recorder", env=_environment(folder, postgres, settings)
    )
    channel = open_channel(
        str(folder / "recorder.sock"), Departures(default_timeout_s=CALL_S, principal=Principal(tenant=tenant))
    )
    try:
        await _serving(folder / "recorder.sock")
        yield Bench(channel, tenant.replace("-", " "))
    finally:
        await channel.close()
        process.terminate()
        await process.wait()


def _environment(folder: Path, postgres: PostgresSettings, settings: dict[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        "MAGISTRATE_RUN_DIR": str(folder),
        "MAGISTRATE_LOG_LEVEL": "error",
        "MAGISTRATE_DRAIN_DELAY_S": "0",
        "MAGISTRATE_POSTGRES_HOST": postgres.host,
        "MAGISTRATE_POSTGRES_PORT": str(postgres.port),
        "MAGISTRATE_POSTGRES_DATABASE": postgres.database,
        "MAGISTRATE_POSTGRES_USER": postgres.user,
        "MAGISTRATE_POSTGRES_PASSWORD_FILE": str(postgres.password_file.path if postgres.password_file else ""),
        "MAGISTRATE_POSTGRES_SCHEMA": postgres.schema,
        "MAGISTRATE_RECORDER_SIGNING_KEY_FILE": str(folder / SIGNING_KEY),
        "MAGISTRATE_RECORDER_BODY_KEY_FILE": str(folder / BODY_KEY),
        **{f"MAGISTRATE_RECORDER_{name.upper()}": value for name, value in settings.items()},
    }


async def _serving(path: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        async for answer in watching:
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return


async def main(seconds: float, leaves: int) -> None:
    """Run every measurement and print it."""
    with tempfile.TemporaryDirectory(prefix="recorder-") as scratch:
        root = Path(scratch)
        os.chmod(scratch, 0o755)  # noqa: PTH101, S103 - PostgreSQL's own account must get in
        async with scratch_database(root / "state", "recorder") as postgres:
            async with _recorder(root / "single", postgres, "single-writes", batch_records="1") as bench:
                single = await bench.unary(seconds, IN_FLIGHT)
            async with _recorder(root / "group", postgres, "group-commit") as bench:
                await bench.unary(seconds, 1)
                group = await bench.unary(seconds, IN_FLIGHT)
                stream = await bench.stream(leaves)
                await bench.proofs(seconds)
    print(
        f"group commit over one record a transaction: {group / single:.1f}x by calls, {stream / single:.1f}x by stream"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the recorder.")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each timed part (default: 5)")
    parser.add_argument("--leaves", type=int, default=100_000, help="records of the stream (default: 100,000)")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.seconds, arguments.leaves))
