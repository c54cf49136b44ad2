"""The one way out of a service: a channel on which every call has a deadline and failures arrive as MeshError."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Self, TypeVar, cast

import grpc

from services.chassis import call
from services.chassis.call import Principal
from services.chassis.errors import Kind, WorldError
from services.chassis.outbox import Outbox
from services.chassis.streams import MeshStream, failed, plain
from services.chassis.telemetry import Span, Tracing

TRANSPORT_MESSAGE_BYTES = 16 * 1024 * 1024
"""What the transport carries; what a server accepts is less, so that it can explain its refusal."""

OPEN_ENDED_S = 30.0
"""Seconds for a call that is made while serving one without a deadline; the proxy bounds that one."""

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", TRANSPORT_MESSAGE_BYTES),
    ("grpc.max_send_message_length", TRANSPORT_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A restarted proxy is found again within a second instead of two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # By its name a wait, in truth how long one attempt may take: a busy proxy that greets late would never be found.
    ("grpc.min_reconnect_backoff_ms", 10_000),
    ("grpc.use_local_subchannel_pool", 1),
)

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")
_Metadata = Iterable[tuple[str, str | bytes]] | None
_Serializer = Callable[[Any], bytes] | None  # Any: the channel is the same for every message type
_Deserializer = Callable[[bytes], Any] | None


class NoDeadlineError(RuntimeError):
    """A call was made with neither ``timeout=`` nor an incoming deadline: a fault of the code that made it."""


class Exchange(NamedTuple):
    """A reply, and what the way back added to it."""

    reply: Any  # Any: narrowed by ``exchange``
    metadata: Mapping[str, str]
    """Initial and trailing metadata in one, e.g. ``x-mesh-provider`` and ``x-envoy-attempt-count``."""


async def exchange(
    method: "grpc.aio.UnaryUnaryMultiCallable[_Request, _Reply]",
    request: _Request,
    *,
    timeout: float | None = None,  # noqa: ASYNC109 - the word of every generated stub
    metadata: _Metadata = None,
) -> tuple[_Reply, Mapping[str, str]]:
    """Make the unary call ``method`` of a stub on a MeshChannel; return its reply and the response's metadata.

    Raises:
        MeshError: What the server raised; its ``transport`` has the response's metadata.
    """
    unary = cast("_UnaryReply", method)
    return cast("tuple[_Reply, Mapping[str, str]]", await unary.exchange(request, timeout=timeout, metadata=metadata))


class Departures:
    """What every outgoing call takes along: its deadline, its ids, its principal, its span."""

    def __init__(
        self,
        *,
        tracing: Tracing | None = None,
        default_timeout_s: float | None = None,
        principal: Principal | None = None,
    ) -> None:
        self._tracing = tracing
        self._default_timeout_s = default_timeout_s
        self._principal = principal

    def timeout_s(self, explicit: float | None) -> float:
        """Return the smaller of the explicit timeout and the time that the incoming call has left.

        Raises:
            NoDeadlineError: There is neither, and no call is being served.
            WorldError: DEADLINE_EXPIRED: the incoming call has no time left.
        """
        left = call.remaining_s()
        known = [seconds for seconds in (explicit, left) if seconds is not None]
        if not known and self._default_timeout_s is not None:
            known = [self._default_timeout_s]
        if not known and call.current().request_id:
            known = [OPEN_ENDED_S]
        if not known:
            raise NoDeadlineError("a call needs timeout= where no incoming call gives it a deadline")
        seconds = min(known)
        if seconds <= 0:
            raise WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", "the time was over before the call was made")
        return seconds

    def metadata(self, method: str, extra: _Metadata) -> tuple[list[tuple[str, str | bytes]], Span | None]:
        """Return the call's metadata and, with tracing, its running span."""
        current = call.current()
        if self._principal is not None and not current.request_id:
            current = replace(current, principal=self._principal)
        if self._tracing is None:
            return call.to_metadata(current, extra or ()), None
        span = self._tracing.call(method, current.traceparent)
        return call.to_metadata(replace(current, traceparent=span.traceparent), extra or ()), span


class MeshChannel(grpc.aio.Channel):
    """A ``grpc.aio.Channel`` for generated stubs; see the module.

    Unary calls are coroutines, and they start when they are awaited. Streams start at once and are ``MeshStream``.
    No gRPC interceptors are used: each would cost a task a call.
    """

    def __init__(self, channel: grpc.aio.Channel, departures: Departures) -> None:
        self._channel = channel
        self._departures = departures

    def unary_unary(  # type: ignore[override]  # a coroutine stands for gRPC's call object
        self,
        method: str,
        request_serializer: _Serializer = None,
        response_deserializer: _Deserializer = None,
        _registered_method: bool = False,
    ) -> "_UnaryReply":
        """Return the callable for a method with one request and one reply."""
        inner = self._channel.unary_unary(method, request_serializer, response_deserializer)
        return _UnaryReply(inner, method, self._departures, many=False)

    def stream_unary(  # type: ignore[override]  # as above
        self,
        method: str,
        request_serializer: _Serializer = None,
        response_deserializer: _Deserializer = None,
        _registered_method: bool = False,
    ) -> "_UnaryReply":
        """Return the callable for a method with a stream of requests and one reply."""
        inner = self._channel.stream_unary(method, request_serializer, response_deserializer)
        return _UnaryReply(inner, method, self._departures, many=True)

    def unary_stream(  # type: ignore[override]  # as above
        self,
        method: str,
        request_serializer: _Serializer = None,
        response_deserializer: _Deserializer = None,
        _registered_method: bool = False,
    ) -> "_StreamedReply":
        """Return the callable for a method with one request and a stream of replies."""
        inner = self._channel.unary_stream(method, request_serializer, response_deserializer)
        return _StreamedReply(inner, method, self._departures, many=False)

    def stream_stream(  # type: ignore[override]  # as above
        self,
        method: str,
        request_serializer: _Serializer = None,
        response_deserializer: _Deserializer = None,
        _registered_method: bool = False,
    ) -> "_StreamedReply":
        """Return the callable for a method with a stream in both directions."""
        inner = self._channel.stream_stream(method, request_serializer, response_deserializer)
        return _StreamedReply(inner, method, self._departures, many=True)

    async def close(self, grace: float | None = None) -> None:
        """Close the connection; running calls get ``grace`` seconds."""
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the connection leaves ``last_observed_state``."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the connection stands."""
        await self._channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()


def open_channel(socket: str, departures: Departures) -> MeshChannel:
    """Return a channel to the unix socket at ``socket``; it connects with the first call, and again when it is lost."""
    return MeshChannel(grpc.aio.insecure_channel(f"unix:{socket}", options=CHANNEL_OPTIONS), departures)


class _UnaryReply:
    """One method with one reply."""

    def __init__(self, inner: Any, method: str, departures: Departures, *, many: bool) -> None:
        self._inner = inner
        self._many = many
        self._method = method
        self._departures = departures

    async def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the word of every generated stub
        metadata: _Metadata = None,
        credentials: None = None,  # noqa: ARG002 - mutual TLS is the proxy's
        wait_for_ready: bool | None = None,
        compression: None = None,  # noqa: ARG002 - sockets of one machine gain nothing from it
    ) -> Any:
        """Make the call and return its reply."""
        _, reply = await self._make(request, timeout, metadata, wait_for_ready)
        return reply

    async def exchange(self, request: Any, *, timeout: float | None, metadata: _Metadata) -> Exchange:  # noqa: ASYNC109
        """Make the call and return its reply with the response's metadata."""
        made, reply = await self._make(request, timeout, metadata, None)
        return Exchange(reply, plain(await made.initial_metadata(), await made.trailing_metadata()))

    async def _make(
        self,
        request: Any,
        timeout: float | None,  # noqa: ASYNC109 - as above
        metadata: _Metadata,
        wait_for_ready: bool | None,
    ) -> tuple[Any, Any]:
        seconds = self._departures.timeout_s(timeout)
        sent, span = self._departures.metadata(self._method, metadata)
        outbox = Outbox(request, many=self._many)
        made = self._inner(outbox.requests, timeout=seconds, metadata=sent, wait_for_ready=wait_for_ready)
        code, reason = "CANCELLED", ""
        try:
            reply = await made
            code = "OK"
        except asyncio.CancelledError:
            outbox.explain()
            raise
        except grpc.aio.AioRpcError as error:
            failure = failed(error)
            code, reason = error.code().name, failure.reason
            raise failure from error
        finally:
            if span is not None:
                span.end(code, reason)
        return made, reply


class _StreamedReply:
    """One method with a stream of replies."""

    def __init__(self, inner: Any, method: str, departures: Departures, *, many: bool) -> None:
        self._inner = inner
        self._many = many
        self._method = method
        self._departures = departures

    def __call__(
        self,
        request: Any = None,
        *,
        timeout: float | None = None,
        metadata: _Metadata = None,
        credentials: None = None,  # noqa: ARG002 - mutual TLS is the proxy's
        wait_for_ready: bool | None = None,
        compression: None = None,  # noqa: ARG002 - sockets of one machine gain nothing from it
    ) -> MeshStream:
        """Start the call and return its stream; ``request`` is a message, an iterator, or None to write later."""
        seconds = self._departures.timeout_s(timeout)
        sent, span = self._departures.metadata(self._method, metadata)
        outbox = Outbox(request, many=self._many)
        started = self._inner(outbox.requests, timeout=seconds, metadata=sent, wait_for_ready=wait_for_ready)
        return MeshStream(started, outbox, span)
