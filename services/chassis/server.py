"""One gRPC server on a unix socket: chain of steps, health, reflection, and an end that loses no call."""

import asyncio
import math
import os
import socket as sockets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.chassis import steps
from services.chassis.client import TRANSPORT_MESSAGE_BYTES
from services.chassis.drain import Drain
from services.chassis.handlers import HandlerTable
from services.chassis.telemetry import Tracing

SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", TRANSPORT_MESSAGE_BYTES),
    ("grpc.max_send_message_length", TRANSPORT_MESSAGE_BYTES),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)
_OWNER_AND_GROUP = 0o117
"""Umask that leaves a socket mode 0660."""
_REFUSING_S = 0.25
"""How long late calls are refused in words although none runs: longer than a proxy's health checks are apart."""
_HEARING_S = 2.0
"""How much longer where a proxy asks regularly, but not yet since it would hear of the end: a busy one asks late."""
_REGULARLY_S = 3.0
"""Whose last health check is older does not steer calls by them."""
_LONGEST_SOCKET_PATH = 107
"""Bytes that the kernel takes for the path of a unix socket."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True, slots=True)
class Registration:
    """One gRPC service and who answers it."""

    add: Callable[[Any, Any], None]
    """The generated ``add_<Service>Servicer_to_server``."""
    servicer: Any
    """The implementation."""
    name: str
    """Full name of the service, e.g. ``magistrate.router.v1.RouterService``."""


class MeshServer:
    """A server from its socket to its drain."""

    def __init__(
        self,
        registrations: Sequence[Registration],
        *,
        pending: Mapping[str, str],
        tracing: Tracing | None = None,
    ) -> None:
        self._names = [registration.name for registration in registrations]
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._health = _Health()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection([*self._names, reflection.SERVICE_NAME, health.SERVICE_NAME], self._server)
        self._door = Drain()
        table = HandlerTable(steps.chain(pending, self._door, tracing))
        for registration in registrations:
            registration.add(registration.servicer, table)
        # Last, since the table has an answer for every path.
        self._server.add_generic_rpc_handlers((table,))

    async def start(self, path: Path) -> None:
        """Listen at ``path``; health says NOT_SERVING until ``ready``.

        Raises:
            OSError: The path is too long, or a living process listens there.
        """
        _free(path)
        before = os.umask(_OWNER_AND_GROUP)
        try:
            self._server.add_insecure_port(f"unix:{path}")
        finally:
            os.umask(before)
        await self._say(_NOT_SERVING)
        await self._server.start()

    async def ready(self) -> None:
        """Say SERVING, for the server and for each of its services."""
        await self._say(_SERVING)

    async def drain(self, *, delay_s: float, grace_s: float) -> None:
        """End without losing a call: say NOT_SERVING, wait for proxies to notice, finish what runs, close.

        Calls that come while the last ones are finished are refused unprocessed. The socket closes only afterwards,
        because gRPC answers a call that arrives while it closes as if it had been broken off in the middle.

        Args:
            delay_s: Seconds during which new calls are still served, so that health checks can steer away.
            grace_s: Seconds for running calls; those that need longer are cancelled.
        """
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(delay_s)
        ends_at = time.monotonic() + grace_s
        await asyncio.gather(self._steer_away(delay_s), self._door.close(grace_s=grace_s))
        self._health.dismiss()
        await self._server.stop(max(0.0, ends_at - time.monotonic()))

    async def _steer_away(self, delay_s: float) -> None:
        """Wait until the proxy has heard of the end and sends nothing more."""
        if delay_s:
            await self._health.heard(limit_s=_HEARING_S)
        await asyncio.sleep(min(delay_s, _REFUSING_S))

    async def _say(self, status: "health_pb2.HealthCheckResponse.ServingStatus") -> None:
        for name in ("", *self._names):
            await self._health.set(name, status)


class _Health(health.aio.HealthServicer):  # type: ignore[misc]  # untyped library
    """The standard health service, whose watchers do not hold up the drain, and which knows who has heard of it."""

    def __init__(self) -> None:
        super().__init__()
        self._dismissed = asyncio.Event()
        self._asked_at = -math.inf
        self._heard: asyncio.Event | None = None
        """Set once the end was told; None before the end."""

    async def enter_graceful_shutdown(self) -> None:
        """Say NOT_SERVING from now on."""
        self._heard = asyncio.Event()
        await super().enter_graceful_shutdown()

    async def heard(self, *, limit_s: float) -> None:
        """Return once somebody who asks regularly has been told of the end, after ``limit_s`` seconds at the latest."""
        if self._heard is None or time.monotonic() - self._asked_at > _REGULARLY_S:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._heard.wait()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in the protocol
        """Return the status now."""
        self._asked_at = time.monotonic()
        if self._heard is not None:
            self._heard.set()
        return await super().Check(request, context)

    def dismiss(self) -> None:
        """End every watch; the watchers have had the last word already."""
        self._dismissed.set()

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - the name in the protocol
        """Send the status at once and after every change, until the client leaves or the drain ends it."""
        watch = asyncio.ensure_future(super().Watch(request, context))
        dismissal = asyncio.ensure_future(self._dismissed.wait())
        try:
            await asyncio.wait({watch, dismissal}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            dismissal.cancel()
            await asyncio.gather(watch, dismissal, return_exceptions=True)


def _free(path: Path) -> None:
    """Make ``path`` free to listen on: remove the socket that a killed process left."""
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise OSError(f"{path} is too long for a unix socket: {_LONGEST_SOCKET_PATH} bytes at most")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_socket():
        return
    with sockets.socket(sockets.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise OSError(f"another process listens at {path}")
