"""Wraps each method of a service once, so that every call passes the chain of steps.

This stands where a gRPC interceptor would: wrapping at the first call of a method instead of at every call saves the
tasks and lookups that interceptors cost, and lets the chain see the raw bytes of a message before they are parsed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from services.chassis import status
from services.chassis.errors import CallerError, Kind, MeshError
from services.chassis.rpc import Method, Rpc, Step

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""What one message may weigh. The transport takes more (``channel_options``), so that the refusal can be explained."""

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # Any: the chain is the same for every message type
_Served = Callable[[Rpc], Awaitable[bytes | None]]


class HandlerTable(grpc.GenericRpcHandler):
    """Every method that a server knows, wrapped; other paths are answered with METHOD_UNKNOWN."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._begins = tuple(step.begin for step in steps)
        self._ends = tuple(step.end for step in reversed(steps))
        self._sources: list[grpc.GenericRpcHandler] = []
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        # One entry for all of them: a stranger's paths must not become labels of metrics.
        self._unknown = self._stream_replies(
            Method(path="/unknown/unknown"), grpc.stream_stream_rpc_method_handler(_unknown)
        )

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Take a service's handlers; generated code calls this as if the table were the server."""
        self._sources.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Ignore the second form in which generated code registers the same handlers."""

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return the wrapped handler for the method of ``details``."""
        wrapped = self._wrapped.get(details.method)
        return wrapped if wrapped is not None else self._wrap(details)

    def _wrap(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        for source in self._sources:
            handler = source.service(details)
            if handler is not None:
                method = Method(path=details.method)
                wrap = self._stream_replies if handler.response_streaming else self._one_reply
                wrapped = self._wrapped[details.method] = wrap(method, handler)
                return wrapped
        return self._unknown

    def _one_reply(
        self, method: Method, handler: Any
    ) -> "grpc.RpcMethodHandler[Any, Any]":  # Any: gRPC's handler is untyped
        many = handler.request_streaming
        behaviour = handler.stream_unary if many else handler.unary_unary
        serialize = handler.response_serializer

        async def serve(incoming: Any, context: _Context) -> bytes | None:
            async def answer(rpc: Rpc) -> bytes:
                reply = await behaviour(_requests(rpc, incoming, handler), context)
                rpc.replies = 1
                return bytes(serialize(reply))

            return await self._run(method, context, answer)

        make = grpc.stream_unary_rpc_method_handler if many else grpc.unary_unary_rpc_method_handler
        return make(serve)

    def _stream_replies(self, method: Method, handler: Any) -> "grpc.RpcMethodHandler[Any, Any]":
        many = handler.request_streaming
        behaviour = handler.stream_stream if many else handler.unary_stream

        # A coroutine that writes, not a generator that yields: a cancelled write then ends here, inside the chain.
        async def serve(incoming: Any, context: _Context) -> None:
            async def answer(rpc: Rpc) -> None:
                async with aclosing(behaviour(_requests(rpc, incoming, handler), context)) as replies:
                    async for reply in replies:
                        rpc.replies += 1
                        await context.write(reply)

            await self._run(method, context, answer)

        make = grpc.stream_stream_rpc_method_handler if many else grpc.unary_stream_rpc_method_handler
        return make(serve, response_serializer=handler.response_serializer)

    async def _run(self, method: Method, context: _Context, answer: _Served) -> bytes | None:
        rpc = Rpc(method=method, context=context, metadata=dict(context.invocation_metadata() or ()))
        try:
            for begin in self._begins:
                begin(rpc)
            reply = await answer(rpc)
        except BaseException as error:
            rpc.error = error
            self._end(rpc)
            if rpc.answer is None:
                raise
            await _abort(context, rpc.answer, rpc.trailers)
        self._end(rpc)
        return reply

    def _end(self, rpc: Rpc) -> None:
        for end in self._ends:
            end(rpc)


async def _abort(context: _Context, error: MeshError, more: tuple[tuple[str, str], ...]) -> NoReturn:
    code, message, trailers = status.to_grpc(error)
    await context.abort(code, message, (*trailers, *more))


def _requests(rpc: Rpc, incoming: Any, handler: Any) -> Any:
    """Return the request, or the stream of requests, parsed from raw bytes."""
    parse = handler.request_deserializer
    return _each(rpc, incoming, parse) if handler.request_streaming else _parsed(rpc, incoming, parse)


async def _each(rpc: Rpc, incoming: AsyncIterator[bytes], parse: Callable[[bytes], Any]) -> AsyncIterator[Any]:
    async for raw in incoming:
        yield _parsed(rpc, raw, parse)


def _parsed(rpc: Rpc, raw: bytes, parse: Callable[[bytes], Any]) -> Any:
    """Return the message in ``raw``; gRPC itself would answer INTERNAL for one that does not parse."""
    rpc.requests += 1
    rpc.bytes_in += len(raw)
    if len(raw) > MAX_MESSAGE_BYTES:
        message = f"a message of {len(raw)} bytes is larger than the {MAX_MESSAGE_BYTES} that are accepted"
        metadata = {"limit": str(MAX_MESSAGE_BYTES), "actual": str(len(raw))}
        raise CallerError(Kind.EXHAUSTED, "MESSAGE_TOO_LARGE", message, metadata=metadata)
    try:
        return parse(raw)
    except (DecodeError, UnicodeDecodeError, ValueError) as error:
        message = "the request is not a message of this method's type, or a text in it is not UTF-8"
        raise CallerError(Kind.INVALID, "MESSAGE_MALFORMED", message) from error


async def _unknown(_requests: object, _context: object) -> AsyncIterator[Any]:
    raise CallerError(Kind.UNIMPLEMENTED, "METHOD_UNKNOWN", "there is no such method here")
    yield  # type: ignore[unreachable]  # what makes this a generator
