"""What changes while calls are in flight loses none of them: certificates, services, the proxy itself."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc import aio

from tests.fakes.backend import Context, failing
from tests.fakes.mesh import FakeMesh, ask, order, reason, running_mesh, until
from tools.envoy import drain
from tools.envoy.model import NOT_PROCESSED_HEADER

GET_RECORD = "/magistrate.recorder.v1.RecorderService/GetRecord"
GENERATE = "/magistrate.provider.v1.ProviderService/Generate"
ERASE = "/magistrate.recorder.v1.RecorderService/EraseSubject"
"""A method with thirty seconds: time enough for a new process to start, however busy the machine."""
MANY_TRIES = 25
"""More than a method of five seconds makes: six seconds, or longer on a busy machine."""


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

        async def reached() -> bool:
            return self.answered >= goal

        await until(reached, limit_s=60)

    async def _call(self) -> None:
        while not self._stop.is_set():
            async with self._channel() as channel:
                for _ in range(1 if self._fresh else 50):
                    if not self._stop.is_set():
                        await self._once(channel)

    def _channel(self) -> aio.Channel:
        return self._mesh.ingress("recorder", "engine") if self._fresh else self._mesh.egress("engine")

    async def _once(self, channel: aio.Channel) -> None:
        try:
            await ask(channel, ERASE, timeout=30)
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
    async with running_mesh(folder) as mesh, contextlib.AsyncExitStack() as processes:
        first = await processes.enter_async_context(_process(mesh, "recorder"))
        load = Load(mesh, callers=8)
        async with load.running():
            await load.more(100)
            first.send_signal(signal.SIGTERM)
            await first.wait()
            await processes.enter_async_context(_process(mesh, "recorder"))
            await load.more(200)

        assert load.failures == []


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


@pytest.mark.spec("EDG-25", "ENG-30")
async def test_a_single_provider_that_takes_its_time_is_waited_for(folder: Path) -> None:
    """With nobody else to ask, a call with much time is still there when many tries were in vain."""
    retries = "cluster.router-to-provider-local.direct.upstream_rq_retry"

    async with running_mesh(folder, providers=("local",)) as mesh, mesh.egress("router") as channel:

        async def tried() -> bool:
            return await mesh.statistic(retries) >= MANY_TRIES

        await mesh.provider("local").stop()
        call = asyncio.create_task(ask(channel, GENERATE, metadata=order("local"), timeout=60))
        await until(tried, limit_s=60)
        await mesh.provider("local").start()

        assert await call == b"hello"


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


async def test_a_call_that_a_service_has_seen_is_not_repeated(folder: Path) -> None:
    """UNAVAILABLE from a service may have had effects: the caller decides about asking again, not the proxy."""
    async with running_mesh(folder) as mesh, mesh.egress("engine") as channel:
        mesh.backends["recorder"].behaviour = failing(grpc.StatusCode.UNAVAILABLE)
        with pytest.raises(aio.AioRpcError):
            await ask(channel, GET_RECORD)

        assert len(mesh.backends["recorder"].seen) == 1


async def test_a_refusal_marked_as_not_processed_is_repeated(folder: Path) -> None:
    """A service that says that it did nothing with a call gets it again, and the mark goes no further."""
    refusals = [True, True, False]

    async def draining(request: bytes, context: Context) -> bytes:
        if refusals.pop(0):
            context.set_trailing_metadata(((NOT_PROCESSED_HEADER, "true"),))
            await context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
        return request

    async with running_mesh(folder) as mesh, mesh.egress("engine") as channel:
        mesh.backends["recorder"].behaviour = draining

        assert await ask(channel, GET_RECORD) == b"hello"


async def test_ejected_providers_are_asked_while_there_is_no_other(folder: Path) -> None:
    """When every provider of an order was ejected, one that is back answers although its ejection has not ended."""
    async with running_mesh(folder, providers=("local", "openai")) as mesh, mesh.egress("router") as channel:
        calls = [ask(channel, GENERATE, metadata=order("local", "openai")) for _ in range(8)]
        for vendor in ("local", "openai"):
            await mesh.provider(vendor).stop()
        for call in calls:
            with pytest.raises(aio.AioRpcError):
                await call
        await mesh.provider("openai").start()
        # Envoy may ask the same ejected provider twice, so that single calls still fail; with none of ten it is out.
        again = (ask(channel, GENERATE, metadata=order("local", "openai")) for _ in range(10))

        assert b"hello" in await asyncio.gather(*again, return_exceptions=True)


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

    async def listening() -> bool:
        return backend.socket.exists()

    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.fakes.backend", str(backend.socket))
    try:
        await until(listening)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
