"""The life of one service process: start, serve until SIGTERM, drain, close everything in reverse."""

import asyncio
import contextvars
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from services.chassis import call, log, metrics
from services.chassis.client import Departures, MeshChannel, open_channel
from services.chassis.config import Settings, load
from services.chassis.errors import MeshError
from services.chassis.metrics_endpoint import serve_metrics
from services.chassis.server import MeshServer, Registration
from services.chassis.telemetry import Tracing
from services.pending import PENDING

__all__ = ["ChassisSettings", "Registration", "Runtime", "open_runtime"]

_log = log.get_logger("runtime")
_LAG = metrics.gauge("magistrate_loop_lag_seconds", "How late the event loop woke a sleeper last.")
_FAILURES = metrics.counter("magistrate_background_failures_total", "Background tasks that failed, by name.", ("task",))
_LAG_INTERVAL_S = 0.25
_LAST_WORDS_S = 5.0
"""Seconds that work which must not be lost gets after the last call."""
_READINESS_PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0)

_T = TypeVar("_T")
_Check = Callable[[], Awaitable[object]]


class ChassisSettings(Settings, env_prefix="MAGISTRATE_"):
    """What every service process needs to know."""

    run_dir: Path = Path(".magistrate/run")
    """Folder of the sockets of this machine's services and proxies."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level that is logged."""
    log_exception_text: bool = False
    """Whether logs carry the text of unforeseen exceptions; it may quote what a caller sent."""
    drain_delay_s: float = Field(default=0.5, ge=0, le=60)
    """Seconds between NOT_SERVING and the last accepted call, so that health checks can steer away."""
    drain_s: float = Field(default=30.0, ge=0, le=600)
    """Seconds that running calls get to finish after SIGTERM."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Loopback port for metrics; 0 serves them on a unix socket instead."""
    otlp_endpoint: str = ""
    """OTLP/gRPC collector for traces, such as http://127.0.0.1:4317; empty means no traces."""


class Runtime:
    """What a service's ``main`` puts together."""

    def __init__(self, name: str, settings: ChassisSettings, tracing: Tracing | None) -> None:
        self.name = name
        """Name of the service in ``services.topology``."""
        self.run_dir = settings.run_dir
        """Folder of the sockets."""
        self._settings = settings
        self._resources = AsyncExitStack()
        self._tracing = tracing
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_words: set[asyncio.Task[Any]] = set()
        self._checks: dict[str, _Check] = {}
        self.draining = asyncio.Event()
        """Set when the drain begins: a stream that would go on for longer than the grace ends itself then."""
        self.channel: MeshChannel = open_channel(
            str(settings.run_dir / f"{name}-egress.sock"), Departures(tracing=tracing)
        )
        """The way to every other service, through this service's own Envoy."""

    async def enter(self, resource: AbstractAsyncContextManager[_T]) -> _T:
        """Open ``resource`` and return its value; it is closed after the drain, the last opened first."""
        return await self._resources.enter_async_context(resource)

    def spawn(self, coro: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T]:
        """Run ``coro`` beside the calls; a failure is logged and counted, and the drain cancels it.

        It keeps the current call's ids and principal, but not its deadline.
        """
        context = contextvars.copy_context()
        context.run(call.detach)
        task = asyncio.get_running_loop().create_task(coro, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def finish(self, coro: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T]:
        """Run ``coro`` as ``spawn`` does, but let the drain wait for it: what a call leaves to be written down."""
        task = self.spawn(coro, name=name)
        self._last_words.add(task)
        task.add_done_callback(self._last_words.discard)
        return task

    def readiness(self, name: str, check: _Check) -> None:
        """Say SERVING only after ``check`` has passed once; it passes by not raising and not returning False."""
        self._checks[name] = check

    def stop(self) -> None:
        """Begin the drain, as SIGTERM does."""
        self.draining.set()

    async def serve(self, registrations: Sequence[Registration], *, pending: Mapping[str, str] = PENDING) -> None:
        """Serve until SIGTERM or SIGINT, then drain: no call that was accepted fails."""
        server = MeshServer(registrations, pending=pending, tracing=self._tracing)
        path = self.run_dir / f"{self.name}.sock"
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        await server.start(path)
        _log.info("listening", socket=str(path))
        becoming_ready = self.spawn(self._become_ready(server), name="readiness")
        await self.draining.wait()
        becoming_ready.cancel()
        _log.info("draining", drain_s=self._settings.drain_s)
        await server.drain(delay_s=self._settings.drain_delay_s, grace_s=self._settings.drain_s)
        _log.info("drained")

    async def _become_ready(self, server: MeshServer) -> None:
        async with asyncio.TaskGroup() as group:
            for name, check in self._checks.items():
                group.create_task(_passed(name, check))
        # What stands now stands until the end. A full collection would walk through all of it, calls waiting meanwhile.
        gc.collect()
        gc.freeze()
        await server.ready()
        _log.info("serving")

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _FAILURES.labels(task.get_name()).inc()
            _log.error("background task failed", task=task.get_name(), exc_info=task.exception())

    async def close(self) -> None:
        """Finish what must not be lost, cancel what else runs, then close every resource, the last opened first."""
        if self._last_words:
            await asyncio.wait(self._last_words, timeout=_LAST_WORDS_S)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, deaf = await asyncio.wait(tasks, timeout=_LAST_WORDS_S)
            for task in deaf:
                _log.error("background task does not end", task=task.get_name())
        await self._resources.aclose()
        await self.channel.close()


async def _passed(name: str, check: _Check) -> None:
    """Return once ``check`` has passed; ask less often the longer it takes. Whatever fails may be mended meanwhile."""
    for attempt in range(1_000_000):
        try:
            if await check() is not False:
                return
            reason = "NOT_READY"
        except MeshError as error:
            reason = error.reason
        except Exception as error:  # noqa: BLE001 - a schema that is not there yet, a peer that is of another version
            reason = type(error).__name__
        _log.info("not ready yet", component=name, reason=reason, attempt=attempt + 1)
        await asyncio.sleep(_READINESS_PAUSES_S[min(attempt, len(_READINESS_PAUSES_S) - 1)])


async def _watch_lag() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_INTERVAL_S
        await asyncio.sleep(_LAG_INTERVAL_S)
        _LAG.set(max(0.0, loop.time() - due))


@asynccontextmanager
async def open_runtime(name: str, settings: ChassisSettings | None = None) -> AsyncIterator[Runtime]:
    """Yield the runtime of the service ``name``: logs, metrics and traces run, the way out is open."""
    settings = settings or load(ChassisSettings)
    log.configure(name, level=settings.log_level, exception_text=settings.log_exception_text)
    async with AsyncExitStack() as stack:
        tracing = Tracing.to_endpoint(name, settings.otlp_endpoint) if settings.otlp_endpoint else None
        if tracing:
            stack.callback(tracing.close)
        await stack.enter_async_context(serve_metrics(settings.run_dir / f"{name}-metrics.sock", settings.metrics_port))
        mesh = Runtime(name, settings, tracing)
        mesh.spawn(_watch_lag(), name="loop lag")
        try:
            yield mesh
        finally:
            await mesh.close()
