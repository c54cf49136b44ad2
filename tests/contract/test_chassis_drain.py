"""Whoever steers calls by health checks hears of a server's end before its socket closes, however late it asks."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis import server as chassis
from services.chassis.client import Departures, MeshChannel, open_channel
from services.chassis.drain import NOT_PROCESSED_KEY
from services.chassis.errors import MeshError
from services.chassis.server import MeshServer
from services.chassis.testing import TESTER
from tests.fakes.echo import Echo, EchoStub, registrations, says

LONG_S = 600.0
"""Longer than the test may take."""
DELAY_S = 0.01
"""Over before anybody has asked."""
LATE_CALLS = 300


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[MeshServer, MeshChannel]]:
    """Yield a server that serves, and a channel to it; the test drains it."""
    server = MeshServer(registrations(Echo()), pending={})
    with tempfile.TemporaryDirectory(prefix="magistrate-") as folder:
        path = Path(folder) / "echo.sock"
        await server.start(path)
        await server.ready()
        async with open_channel(str(path), Departures(default_timeout_s=LONG_S, principal=TESTER)) as channel:
            yield server, channel


async def asked(channel: MeshChannel) -> Any:
    """Return what a health check is told."""
    return (await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())).status


async def refusal(stub: EchoStub) -> MeshError | None:
    """Make a call; return how it was refused, None where it was served."""
    try:
        await stub.unary(says("late"))
    except MeshError as error:
        return error
    return None


@pytest.mark.spec("ENG-30")
async def test_a_proxy_that_asks_late_hears_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it has asked, every call is served or refused unprocessed, and none is broken off; then the drain ends."""
    monkeypatch.setattr(chassis, "_HEARING_S", LONG_S)
    monkeypatch.setattr(chassis, "_REGULARLY_S", LONG_S)
    async with listening() as (server, channel):
        before = await asked(channel)
        ending = asyncio.create_task(server.drain(delay_s=DELAY_S, grace_s=LONG_S))
        refusals = [error for _ in range(LATE_CALLS) if (error := await refusal(EchoStub(channel)))]
        waited = not ending.done()
        after = await asked(channel)
        await ending

    assert (before, after) == (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING)
    assert waited
    assert {(error.reason, error.transport.get(NOT_PROCESSED_KEY)) for error in refusals} == {("DRAINING", "true")}


@pytest.mark.spec("ENG-30")
async def test_where_nobody_asks_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without a proxy before it ends as soon as its calls do."""
    monkeypatch.setattr(chassis, "_HEARING_S", LONG_S)
    async with listening() as (server, _), asyncio.timeout(LONG_S / 10):
        await server.drain(delay_s=DELAY_S, grace_s=LONG_S)
