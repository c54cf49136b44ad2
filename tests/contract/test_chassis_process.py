"""The life of a service process: ready only when it is, and no call lost when it is told to go."""

import asyncio
import os
import signal
import stat
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.client import Departures, open_channel
from services.chassis.drain import NOT_PROCESSED_KEY
from services.chassis.errors import MeshError
from tests.fakes.echo import SERVICE, EchoStub, says

ROOT = Path(__file__).parents[2]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
HELD = 50


@dataclass(slots=True)
class Running:
    """A service process, its folder of sockets and a channel to it."""

    process: asyncio.subprocess.Process
    run_dir: Path
    channel: Any

    async def order(self, line: str) -> None:
        """Tell the process ``line``."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()

    async def says(self, line: str, times: int = 1) -> None:
        """Wait until the process has said ``line`` that often."""
        for _ in range(times):
            assert (await self.heard()) == line

    async def heard(self) -> str:
        """Return the next line that the process says."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    async def health(self, wanted: int, service: str = "") -> None:
        """Wait until health says ``wanted``."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        async for answer in stub.Watch(health_pb2.HealthCheckRequest(service=service)):
            if answer.status == wanted:
                return


@asynccontextmanager
async def running(**environment: str) -> AsyncIterator[Running]:
    """Start an Echo process; yield it once it listens."""
    with tempfile.TemporaryDirectory(prefix="magistrate-") as folder:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.fakes.echo_process",
            cwd=ROOT,
            env={**os.environ, "MAGISTRATE_RUN_DIR": folder, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        while b'"listening"' not in await process.stderr.readline():
            assert process.returncode is None
        channel = open_channel(f"{folder}/echo.sock", Departures(default_timeout_s=60))
        try:
            yield Running(process, Path(folder), channel)
        finally:
            await channel.close()
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def test_serving_only_after_every_check_passed() -> None:
    """Health says NOT_SERVING until the readiness check has passed, then SERVING for server and service."""
    async with running() as service:
        await service.health(NOT_SERVING)
        await service.order("ready")
        await service.health(SERVING)
        await service.health(SERVING, SERVICE)


@pytest.mark.spec("ENG-30")
async def test_sigterm_loses_no_call() -> None:
    """Health turns at once, calls that come meanwhile are served, running ones finish, all is closed in reverse."""
    async with running(MAGISTRATE_DRAIN_DELAY_S="2") as service:
        stub = EchoStub(service.channel)
        await service.order("ready")
        await service.health(SERVING)
        held = [asyncio.ensure_future(stub.unary(says("hold"))) for _ in range(HELD)]
        await service.says("holding", HELD)
        service.process.send_signal(signal.SIGTERM)
        await service.health(NOT_SERVING)
        late = await stub.unary(says("late"))
        await service.order("release")
        answers = [(await call).value for call in held]
        await service.says("closed second")
        await service.says("closed first")
        await service.says("ended")

        assert late.value == "late"
        assert answers == ["held"] * HELD
        assert await service.process.wait() == 0
        assert list(service.run_dir.iterdir()) == []


@pytest.mark.spec("ENG-30")
async def test_a_call_too_late_is_refused_unprocessed() -> None:
    """While the last calls are finished, a new one is refused in a way that a proxy may repeat; they are finished."""
    async with running(MAGISTRATE_DRAIN_DELAY_S="0") as service:
        stub = EchoStub(service.channel)
        held = asyncio.ensure_future(stub.unary(says("hold")))
        await service.says("holding")
        service.process.send_signal(signal.SIGTERM)
        refused = [await first_refusal(stub, shape) for shape in ("unary", "stream")]
        await service.order("release")

        assert (await held).value == "held"
        assert [error.reason for error in refused] == ["DRAINING", "DRAINING"]
        assert [error.transport[NOT_PROCESSED_KEY] for error in refused] == ["true", "true"]
        assert await service.process.wait() == 0


async def first_refusal(stub: EchoStub, shape: str) -> MeshError:
    """Call until a call is refused; return the refusal."""
    while True:
        try:
            if shape == "unary":
                await stub.unary(says("late"))
            else:
                [_ async for _ in stub.stream(says("late"))]
        except MeshError as error:
            return error


async def test_calls_longer_than_the_grace_are_cut() -> None:
    """A call that never ends cannot keep a process alive: it fails, and the process still ends cleanly."""
    async with running(MAGISTRATE_DRAIN_DELAY_S="0", MAGISTRATE_DRAIN_S="0.2") as service:
        held = asyncio.ensure_future(EchoStub(service.channel).unary(says("hold")))
        await service.says("holding")
        service.process.send_signal(signal.SIGTERM)
        with pytest.raises(MeshError) as caught:
            await held

        assert caught.value.reason in {"CANCELLED", "DEPENDENCY_UNAVAILABLE"}
        assert await service.process.wait() == 0


async def test_sockets_are_for_owner_and_group() -> None:
    """No other account of the machine can call the service or read its metrics."""
    async with running() as service:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in service.run_dir.iterdir()}

    assert modes == {"echo.sock": 0o660, "echo-metrics.sock": 0o660}


async def test_metrics_are_scraped_over_a_socket() -> None:
    """A plain HTTP request to the metrics socket gets every metric of the process; other paths get 404."""
    async with running() as service:
        await EchoStub(service.channel).unary(says("a"))
        good = await http(service.run_dir / "echo-metrics.sock", "/metrics")
        bad = await http(service.run_dir / "echo-metrics.sock", "/etc/passwd")

    assert good.startswith(b"HTTP/1.1 200")
    assert f'magistrate_rpc_handled_total{{code="OK",method="/{SERVICE}/Unary"}} 1.0'.encode() in good
    assert b"magistrate_loop_lag_seconds" in good
    assert bad.startswith(b"HTTP/1.1 404")


async def test_a_killed_process_leaves_no_obstacle() -> None:
    """After kill -9 the next process takes over the socket that was left behind."""
    async with running() as first:
        first.process.kill()
        await first.process.wait()
        left = list(first.run_dir.iterdir())
        assert left
        async with again(first.run_dir) as second:
            assert (await EchoStub(second).unary(says("a"))).value == "a"


@asynccontextmanager
async def again(run_dir: Path) -> AsyncIterator[Any]:
    """Start a second process in the folder of a first; yield a channel to it."""
    async with running(MAGISTRATE_RUN_DIR=str(run_dir)):
        channel = open_channel(str(run_dir / "echo.sock"), Departures(default_timeout_s=60))
        try:
            yield channel
        finally:
            await channel.close()


async def http(socket: Path, path: str) -> bytes:
    """Return the whole reply to one GET."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
