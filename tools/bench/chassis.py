"""What the chassis costs: calls and streams through its whole chain, beside bare gRPC with the same servicer.

Client and server of both share this process and speak over a unix socket, so that the difference is the chassis alone:
identity, deadline, logs, metrics, traces and typed errors, at both ends.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1 import recorder_pb2_grpc as rpc
from services.chassis import log
from services.chassis.testing import Registration, serving
from tools.bench.load import measure
from tools.bench.table import Row, table

if TYPE_CHECKING:
    from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceAsyncStub  # exists only in the stubs

SEQUENTIAL_CALLS = 1000
CONCURRENT_CALLS = 3000
STREAMED = 10_000
IN_FLIGHT = 32
WARM_UP = 200
TIMEOUT_S = 60.0
PAYLOAD = bytes(1024)


class Echo(rpc.RecorderServiceServicer):
    """Acknowledges what it is told and records nothing."""

    async def Append(self, request: pb.AppendRequest, _: Any) -> pb.AppendResponse:  # noqa: N802 - the contract's name
        """Answer one call."""
        return pb.AppendResponse(already_recorded=not request.entry.idempotency_key)

    async def AppendStream(  # noqa: N802 - the same
        self, requests: AsyncIterator[pb.AppendStreamRequest], _: Any
    ) -> AsyncIterator[pb.AppendStreamResponse]:
        """Answer each message with one."""
        async for request in requests:
            yield pb.AppendStreamResponse(idempotency_key=request.entry.idempotency_key)


def main() -> None:
    """Measure both and print; log lines are made and thrown away, because making them is part of the cost."""
    with Path(os.devnull).open("w") as nowhere:
        log.configure("bench", stream=nowhere)
        asyncio.run(_run())


async def _run() -> None:
    add, service = rpc.add_RecorderServiceServicer_to_server, "magistrate.recorder.v1.RecorderService"
    async with _bare() as channel:
        bare = await measured(rpc.RecorderServiceStub(channel))
    async with serving([Registration(add, Echo(), service)]) as channel:
        through = await measured(rpc.RecorderServiceStub(channel))
    columns = ("p50 ms alone", f"calls/s, {IN_FLIGHT} at once", "streamed/s")
    print(table(columns, {"bare gRPC": bare, "through the chassis": through}))


@asynccontextmanager
async def _bare() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    rpc.add_RecorderServiceServicer_to_server(Echo(), server)
    with tempfile.TemporaryDirectory(prefix="magistrate-") as folder:
        address = f"unix:{Path(folder) / 'bare.sock'}"
        server.add_insecure_port(address)
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            yield channel
        await server.stop(grace=None)


async def measured(stub: "RecorderServiceAsyncStub") -> Row:
    """Return the median of lone calls in ms, calls a second, and streamed messages a second."""
    entry = pb.Entry(idempotency_key="key", payload=PAYLOAD)

    async def call() -> object:
        return await stub.Append(pb.AppendRequest(entry=entry), timeout=TIMEOUT_S)

    alone = await measure(call, calls=SEQUENTIAL_CALLS, in_flight=1, warm_up=WARM_UP)
    loaded = await measure(call, calls=CONCURRENT_CALLS, in_flight=IN_FLIGHT, warm_up=WARM_UP)
    return alone.percentile_ms(50), loaded.rate, await _streamed(stub, entry)


async def _streamed(stub: "RecorderServiceAsyncStub", entry: pb.Entry) -> float:
    """Return how many messages a second one stream carries to the server and back."""

    async def requests() -> AsyncIterator[pb.AppendStreamRequest]:
        for _ in range(STREAMED):
            yield pb.AppendStreamRequest(entry=entry)

    began = time.perf_counter()
    async for _ in stub.AppendStream(requests(), timeout=TIMEOUT_S):
        pass
    return STREAMED / (time.perf_counter() - began)
