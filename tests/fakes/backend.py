"""A service of the mesh without logic: it answers raw bytes on its unix socket and remembers what reached it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2

HEALTH_PATH = "/grpc.health.v1.Health/Check"
DRAIN_DELAY_S = 0.5
"""For how long a draining service still takes calls when its proxy has heard of its end, as the chassis has it."""

Context: TypeAlias = "aio.ServicerContext[bytes, bytes]"
Behaviour: TypeAlias = Callable[[bytes, Context], Awaitable[bytes]]
Streaming: TypeAlias = Callable[[bytes, Context], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One call as it arrived."""

    path: str
    metadata: dict[str, str]
    remaining_s: float | None


async def echo(request: bytes, _: Context) -> bytes:
    """Answer what was asked."""
    return request


async def hang(_: bytes, __: Context) -> bytes:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets was set")


def failing(code: grpc.StatusCode) -> Behaviour:
    """Refuse every call with ``code``, at once."""

    async def refuse(_: bytes, context: Context) -> bytes:
        await context.abort(code, "as the test wants it")
        raise AssertionError("abort always raises")

    return refuse


@dataclass(slots=True, kw_only=True)
class Backend:
    """A gRPC server on one unix socket, with one behaviour for every method."""

    socket: Path
    behaviour: Behaviour = echo
    streaming: Streaming | None = None
    """Set it to answer with a stream."""
    seen: list[Seen] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a call was taken back while it was being worked on."""
    called: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a call has arrived."""
    _server: aio.Server | None = None
    _healthy: bool = True
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the proxy was told of the end."""

    def health(self) -> bytes:
        """Answer a health check as the chassis does: SERVING until the drain."""
        if not self._healthy:
            self._heard.set()
        status = health_pb2.HealthCheckResponse.SERVING if self._healthy else health_pb2.HealthCheckResponse.NOT_SERVING
        reply: bytes = health_pb2.HealthCheckResponse(status=status).SerializeToString()
        return reply

    async def start(self) -> None:
        """Listen on the socket."""
        self._healthy = True
        self._heard.clear()
        self._server = aio.server(options=[("grpc.max_receive_message_length", 32 * 1024 * 1024)])
        self._server.add_generic_rpc_handlers((_AnyMethod(self),))
        self._server.add_insecure_port(f"unix:{self.socket}")
        await self._server.start()

    async def stop(self, grace_s: float | None = None) -> None:
        """Stop: with ``grace_s`` as a service does after SIGTERM, without it at once."""
        self._healthy = grace_s is None
        if grace_s is not None:
            await self._heard.wait()
            await asyncio.sleep(DRAIN_DELAY_S)
        if self._server is not None:
            await self._server.stop(grace_s)
            self._server = None

    async def answer(self, path: str, request: bytes, context: Context) -> bytes:
        """Remember the call, then behave."""
        self._remember(path, context)
        try:
            return await self.behaviour(request, context)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def answers(self, path: str, request: bytes, context: Context) -> AsyncIterator[bytes]:
        """Remember the call, then behave as a stream."""
        self._remember(path, context)
        if self.streaming is None:
            raise AssertionError("only called when it is set")
        try:
            async for part in self.streaming(request, context):
                yield part
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def _remember(self, path: str, context: Context) -> None:
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        self.seen.append(Seen(path=path, metadata=metadata, remaining_s=context.time_remaining()))
        self.called.set()


class _AnyMethod(grpc.GenericRpcHandler):
    """Hands every method to its backend, except health checks."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        path = handler_call_details.method

        async def health(_: bytes, __: Context) -> bytes:
            return self._backend.health()

        # gRPC tells the two kinds of servicer apart by how they are written.
        async def answers(request: bytes, context: Context) -> AsyncIterator[bytes]:
            async for part in self._backend.answers(path, request, context):
                yield part

        async def answer(request: bytes, context: Context) -> bytes:
            return await self._backend.answer(path, request, context)

        if path == HEALTH_PATH:
            return grpc.unary_unary_rpc_method_handler(health)
        if self._backend.streaming is not None:
            return grpc.unary_stream_rpc_method_handler(answers)
        return grpc.unary_unary_rpc_method_handler(answer)


async def _main(socket: Path) -> None:
    """Serve echoes until SIGTERM, then end what is in flight: a service as a process that can be killed."""
    backend = Backend(socket=socket)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await backend.start()
    await stop.wait()
    await backend.stop(grace_s=10)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
