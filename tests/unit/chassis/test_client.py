"""The way out of a service: how it finds its peer."""

import asyncio
from contextlib import closing, suppress
from pathlib import Path

from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.call import Principal
from services.chassis.client import Departures, open_channel
from services.chassis.server import MeshServer

LATE_S = 1.5
"""Longer than the longest pause between two attempts."""


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with closing(sink), suppress(ConnectionError):
        while data := await source.read(65_536):
            sink.write(data)


async def test_a_peer_that_greets_late_is_found(tmp_path: Path) -> None:
    """A proxy so busy that it answers a new connection after more than a second is connected, not asked for ever."""
    attempts: list[asyncio.Task[None] | None] = []

    async def greet_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(asyncio.current_task())
        await asyncio.sleep(LATE_S)
        behind, ahead = await asyncio.open_unix_connection(tmp_path / "server.sock")
        await asyncio.gather(_pump(reader, ahead), _pump(behind, writer))

    server = MeshServer([], pending={})
    await server.start(tmp_path / "server.sock")
    await server.ready()
    async with await asyncio.start_unix_server(greet_late, tmp_path / "late.sock"):
        channel = open_channel(str(tmp_path / "late.sock"), Departures(default_timeout_s=30.0, principal=Principal()))
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        await channel.close()
    await server.drain(delay_s=0, grace_s=0)
    await asyncio.gather(*filter(None, attempts))

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert len(attempts) == 1
