"""What changes while calls are in flight loses none of them: certificates, services, the proxy itself."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from grpc import aio

from tests.fakes.backend import Context
from tests.fakes.mesh import FakeMesh, ask, order, reason, running_mesh
from tools.envoy import drain

GET_RECORD = "/magistrate.recorder.v1.RecorderService/GetRecord"
GENERATE = "/magistrate.provider.v1.ProviderService/Generate"


class Load:
    """Callers that ask one after the other without pause, each call over a connection of its own where ``fresh``."""

    def __init__(self, mesh: FakeMesh, *, callers: int, fresh: bool = False) -> None:
        self._mesh = mesh
        self._callers = callers
        self._fresh = fresh
        self._stop = asyncio.Event()
        self.answered = 0
        self.failures: list[str] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the load up while the body runs, then let the calls in flight end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._callers):
                group.create_task(self._call())
            try:
                yield
            finally:
                self._stop.set()

    async def more(self, count: int) -> None:
        """Wait for ``count`` further answers."""
        goal = self.answered + count
        async with asyncio.timeout(60):
            while self.answered < goal:
                await asyncio.sleep(0.01)

    async def _call(self) -> None:
        while not self._stop.is_set():
            async with self._channel() as channel:
                for _ in range(1 if self._fresh else 50):
                    await self._once(channel)

    def _channel(self) -> aio.Channel:
        return self._mesh.ingress("recorder", "engine") if self._fresh else self._mesh.egress("engine")

    async def _once(self, channel: aio.Channel) -> None:
        try:
            await ask(channel, GET_RECORD, timeout=9)
            self.answered += 1
        except aio.AioRpcError as error:
            self.failures.append(f"{error.code().name} {reason(error)} {error.details()}")


@pytest.mark.spec("EDG-32", "OPS-23")
async def test_certificates_change_under_load(folder: Path) -> None:
    """A leaf rotation and a whole change of authority lose no call, on connections old and new."""
    async with running_mesh(folder) as mesh:
        steady, fresh = Load(mesh, callers=4), Load(mesh, callers=2, fresh=True)
        async with steady.running(), fresh.running():
            await steady.more(100)
            before = await mesh.reloads("recorder")
            mesh.pki.rotate()
            await mesh.reloaded("recorder", since=before)
            await asyncio.gather(steady.more(100), fresh.more(20))
            # The step between bundle and leaves ends when calls have gone through, not after a time.
            for step in (mesh.pki.begin_rollover, mesh.pki.rotate, mesh.pki.finish_rollover):
                before = await mesh.reloads("recorder")
                step()
                await mesh.reloaded("recorder", since=before)
                await asyncio.gather(steady.more(100), fresh.more(20))

        assert steady.failures + fresh.failures == []


@pytest.mark.spec("EDG-25")
async def test_a_service_restarts_under_load(folder: Path) -> None:
    """SIGTERM, end, new process: the calls meanwhile wait and none of them fails."""
    async with running_mesh(folder) as mesh, _process(mesh, "recorder") as first:
        load = Load(mesh, callers=8)
        async with load.running():
            await load.more(100)
            first.send_signal(signal.SIGTERM)
            await first.wait()
            async with _process(mesh, "recorder"):
                await load.more(200)

                assert load.failures == []
                load._stop.set()
                await load.more(0)


async def test_a_killed_service_serves_again_at_once(folder: Path) -> None:
    """After kill -9 and a restart the next call is answered: nothing stays ejected or backs off."""
    async with running_mesh(folder) as mesh, mesh.egress("engine") as channel:
        async with _process(mesh, "recorder") as first:
            await ask(channel, GET_RECORD)
            first.kill()
            await first.wait()
            failures = await asyncio.gather(
                *(ask(channel, GET_RECORD, timeout=0.2) for _ in range(30)), return_exceptions=True
            )
            assert all(isinstance(failure, aio.AioRpcError) for failure in failures)
        async with _process(mesh, "recorder"):
            assert await ask(channel, GET_RECORD) == b"hello"


async def test_a_service_that_stays_away_is_named(folder: Path) -> None:
    """A caller learns within its deadline that the service is gone, with a typed reason."""
    async with running_mesh(folder) as mesh, mesh.egress("engine") as channel:
        await mesh.backends["recorder"].stop()
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, GET_RECORD)

    assert reason(caught.value) == "DEPENDENCY_UNAVAILABLE"


@pytest.mark.spec("EDG-25")
async def test_repeats_have_a_budget(folder: Path) -> None:
    """With a service gone, many calls do not all repeat: what is beyond the budget fails at once."""
    async with running_mesh(folder) as mesh, mesh.egress("engine") as channel:
        await mesh.backends["recorder"].stop()
        await asyncio.gather(*(ask(channel, GET_RECORD, timeout=3) for _ in range(200)), return_exceptions=True)

        assert await mesh.statistic("cluster.engine-to-recorder.upstream_rq_retry_overflow") > 0


async def test_only_calls_that_were_not_processed_are_repeated(folder: Path) -> None:
    """A service that dies in the middle of a call is not asked the same again."""
    async with running_mesh(folder) as mesh, mesh.egress("engine") as channel:
        recorder = mesh.backends["recorder"]

        async def die(_: bytes, __: Context) -> bytes:
            await recorder.stop()
            return b""

        recorder.behaviour = die
        with pytest.raises(aio.AioRpcError):
            await ask(channel, GET_RECORD, timeout=3)

    assert len(recorder.seen) == 1


async def test_all_providers_back_are_all_used(folder: Path) -> None:
    """When every provider of an order was ejected, the first one back is used without waiting for its ejection to end."""
    async with running_mesh(folder, providers=("local", "openai")) as mesh, mesh.egress("router") as channel:
        for vendor in ("local", "openai"):
            await mesh.provider(vendor).stop()
        for _ in range(8):
            with pytest.raises(aio.AioRpcError):
                await ask(channel, GENERATE, metadata=order("local", "openai"))
        await mesh.provider("openai").start()

        assert await ask(channel, GENERATE, metadata=order("local", "openai")) == b"hello"


async def test_the_proxy_drains(folder: Path) -> None:
    """Draining lets the call in flight end; then nothing is in flight and the proxy may go."""
    go_on = asyncio.Event()

    async def wait(request: bytes, _: Context) -> bytes:
        await go_on.wait()
        return request

    async with running_mesh(folder) as mesh, mesh.egress("engine") as channel:
        mesh.backends["recorder"].behaviour = wait
        call = asyncio.create_task(ask(channel, GET_RECORD))
        await asyncio.wait_for(mesh.backends["recorder"].called.wait(), 5)
        admin = mesh.run_dir / "envoy-admin.sock"

        assert not await drain(admin, limit_s=0.2)
        go_on.set()
        assert await drain(admin)
        assert await call == b"hello"


@contextlib.asynccontextmanager
async def _process(mesh: FakeMesh, service: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``service`` as a process of its own instead of inside the test."""
    backend = mesh.backends[service]
    await backend.stop()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.fakes.backend", str(backend.socket))
    try:
        async with asyncio.timeout(20):
            while not backend.socket.exists():
                await asyncio.sleep(0.01)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
