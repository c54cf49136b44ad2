"""A gRPC service of four shapes whose requests are orders: the smallest thing that shows what the chassis does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue

from services.chassis import call
from services.chassis.server import Registration

SERVICE = "magistrate.test.v1.EchoService"
PARSE = StringValue.FromString
SERIALIZE = StringValue.SerializeToString
Act = Callable[[], object]


@dataclass(slots=True)
class Echo:
    """Answers with what it was asked; an order that is in ``acts`` is carried out first."""

    acts: dict[str, Act] = field(default_factory=dict)
    seen: list[call.Call] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def unary(self, request: StringValue, context: Any) -> StringValue:
        """Answer one with one."""
        context.set_trailing_metadata((("x-mesh-provider", "local"),))
        return await self._answer(request)

    async def stream(self, request: StringValue, _context: Any) -> AsyncIterator[StringValue]:
        """Answer one with a message a word."""
        for word in request.value.split():
            yield await self._answer(StringValue(value=word))

    async def collect(self, requests: AsyncIterator[StringValue], _context: Any) -> StringValue:
        """Answer many with all of them in one."""
        words = [(await self._answer(request)).value async for request in requests]
        return StringValue(value=" ".join(words))

    async def converse(self, requests: AsyncIterator[StringValue], _context: Any) -> AsyncIterator[StringValue]:
        """Answer each as it comes."""
        async for request in requests:
            yield await self._answer(request)

    async def _answer(self, request: StringValue) -> StringValue:
        self.seen.append(call.current())
        self.started.set()
        try:
            done = self.acts.get(request.value, lambda: None)()
            if asyncio.iscoroutine(done):
                done = await done
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return StringValue(value=done if isinstance(done, str) else request.value)


def add_echo(servicer: Echo, server: Any) -> None:
    """Register as generated code does."""
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(servicer.unary, PARSE, SERIALIZE),
        "Stream": grpc.unary_stream_rpc_method_handler(servicer.stream, PARSE, SERIALIZE),
        "Collect": grpc.stream_unary_rpc_method_handler(servicer.collect, PARSE, SERIALIZE),
        "Converse": grpc.stream_stream_rpc_method_handler(servicer.converse, PARSE, SERIALIZE),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)


def registrations(servicer: Echo) -> Sequence[Registration]:
    """Return what ``serving`` takes."""
    return [Registration(add_echo, servicer, SERVICE)]


class EchoStub:
    """What generated code would make of the four methods."""

    def __init__(self, channel: Any) -> None:
        """Take any channel; the type of a stub's methods is gRPC's, not the chassis'."""
        self.unary: Any = channel.unary_unary(f"/{SERVICE}/Unary", SERIALIZE, PARSE)
        self.stream: Any = channel.unary_stream(f"/{SERVICE}/Stream", SERIALIZE, PARSE)
        self.collect: Any = channel.stream_unary(f"/{SERVICE}/Collect", SERIALIZE, PARSE)
        self.converse: Any = channel.stream_stream(f"/{SERVICE}/Converse", SERIALIZE, PARSE)


def says(text: str) -> StringValue:
    """Return the message ``text``."""
    return StringValue(value=text)


async def each(*texts: str) -> AsyncIterator[StringValue]:
    """Yield one message a text."""
    for text in texts:
        yield says(text)
