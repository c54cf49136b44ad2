"""What a service's main puts together runs beside its calls and ends with it."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Self

import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from structlog.testing import capture_logs

from services.chassis import call, metrics, runtime
from services.chassis.client import Departures, MeshChannel, open_channel
from services.chassis.errors import unavailable
from services.chassis.runtime import ChassisSettings, Runtime, open_runtime
from tests.fakes.echo import Echo, registrations


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A runtime takes over the process's logging; a test gives it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Runtime]:
    """Yield a runtime with its sockets in a folder of its own and no wait at the drain."""
    async with open_runtime("echo", ChassisSettings(run_dir=tmp_path, drain_delay_s=0)) as opened:
        yield opened


async def test_a_failing_background_task_is_seen(mesh: Runtime) -> None:
    """It is logged and counted, and neither the service nor its other tasks end."""
    with capture_logs() as lines:
        task = mesh.spawn(_fail(), name="digest")
        await asyncio.wait({task})

    labels = {"task": "digest"}
    assert [line["task"] for line in lines if line["log_level"] == "error"] == ["digest"]
    assert metrics.REGISTRY.get_sample_value("magistrate_background_failures_total", labels) == 1


async def test_background_work_has_the_calls_ids_but_not_its_deadline(mesh: Runtime) -> None:
    """What goes on after the reply is not cut by the deadline that was the reply's."""
    call.enter(call.from_metadata({"x-request-id": "r-1"}, 5.0))

    async def look() -> tuple[str, float | None]:
        return call.current().request_id, call.remaining_s()

    assert await mesh.spawn(look(), name="feedback") == ("r-1", None)
    assert call.remaining_s() is not None


async def test_the_end_cancels_tasks_before_it_closes_resources(tmp_path: Path) -> None:
    """A task never sees a resource that is closed already."""
    told: list[str] = []

    class Pool:
        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_exc: object) -> None:
            told.append("closed")

    async def work(begun: asyncio.Event) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            told.append("cancelled")

    async with open_runtime("echo", ChassisSettings(run_dir=tmp_path)) as mesh:
        begun = asyncio.Event()
        await mesh.enter(Pool())
        mesh.spawn(work(begun), name="work")
        await begun.wait()

    assert told == ["cancelled", "closed"]


async def test_a_task_that_does_not_end_is_named_and_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that swallows a cancellation must not keep the process from its end."""
    monkeypatch.setattr(runtime, "_LAST_WORDS_S", 0.01)
    let_go = asyncio.Event()

    async def deaf() -> None:
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()

    async with open_runtime("echo", ChassisSettings(run_dir=tmp_path, drain_delay_s=0)) as opened:
        task = opened.spawn(deaf(), name="deaf")
        await asyncio.sleep(0)
        with capture_logs() as lines:
            await opened.close()
        let_go.set()
        await task

    assert [line["task"] for line in lines if line["log_level"] == "error"] == ["deaf"]


async def test_a_check_that_fails_is_asked_again(mesh: Runtime) -> None:
    """A dependency that is late delays SERVING, whichever way it says no; it does not end the service."""
    refusals = [unavailable("STORE_UNAVAILABLE", "not yet"), ConnectionRefusedError()]
    verdicts = [False, True]
    passed = asyncio.Event()

    async def check() -> bool:
        if refusals:
            raise refusals.pop(0)
        if verdict := verdicts.pop(0):
            passed.set()
        return verdict

    mesh.readiness("store", check)
    with capture_logs() as lines:
        serving = asyncio.ensure_future(mesh.serve(registrations(Echo()), pending={}))
        await passed.wait()
        mesh.stop()
        await serving

    assert [line["reason"] for line in lines if line["event"] == "not ready yet"] == [
        "STORE_UNAVAILABLE",
        "ConnectionRefusedError",
        "NOT_READY",
    ]
    assert mesh.draining.is_set()


async def _fail() -> None:
    raise ValueError("lost")


@pytest.mark.spec("PRV-07", "PRV-20")
async def test_the_end_waits_for_what_must_be_written_down(tmp_path: Path) -> None:
    """Spend of the last call is booked before the pool is closed, while a loop beside it is cancelled."""
    told: list[str] = []
    begun = asyncio.Event()

    async def book() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        told.append("booked")

    async with open_runtime("echo", ChassisSettings(run_dir=tmp_path)) as mesh:
        mesh.spawn(asyncio.Event().wait(), name="loop")
        mesh.finish(book(), name="book spend")
        await begun.wait()

    assert told == ["booked"]


async def test_a_readiness_check_may_fail_in_any_way(mesh: Runtime, tmp_path: Path) -> None:
    """A schema that is migrated after the start, say: the service becomes ready all the same, its start-up frozen."""
    failures = [ValueError("no such table"), OSError("refused"), unavailable("STORE_UNAVAILABLE", "away")]

    async def check() -> None:
        if failures:
            raise failures.pop(0)

    mesh.readiness("store", check)
    with capture_logs() as lines:
        serving = asyncio.create_task(mesh.serve(registrations(Echo()), pending={}))
        channel = open_channel(str(tmp_path / "echo.sock"), Departures(default_timeout_s=10))
        await _is_serving(channel)
        frozen = gc.get_freeze_count()
        gc.unfreeze()
        await channel.close()
        mesh.stop()
        await serving

    assert [line["reason"] for line in lines if line["event"] == "not ready yet"] == [
        "ValueError",
        "OSError",
        "STORE_UNAVAILABLE",
    ]
    assert frozen > 0


async def _is_serving(channel: MeshChannel) -> None:
    """Wait until health says so."""
    request = health_pb2.HealthCheckRequest()
    async with aclosing(health_pb2_grpc.HealthStub(channel).Watch(request, wait_for_ready=True)) as answers:
        async for answer in answers:
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
