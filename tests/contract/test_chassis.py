"""The chassis on the wire: a real server on a unix socket, the full chain, and a channel that raises what was raised."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from services.chassis.call import current, remaining_s
from services.chassis.errors import CallerError, Kind, MeshError, not_found
from services.chassis.testing import TESTER, Registration, serving

SERVICE = "magistrate.test.v1.EchoService"


class Echo:
    """A servicer whose one text says what to do."""

    async def unary(self, request: StringValue, _context: object) -> StringValue:
        if request.value == "missing":
            raise not_found("PACK_NOT_FOUND", "pack_id", "handbook")
        if request.value == "bug":
            raise RuntimeError("secret detail")
        return StringValue(value=f"{request.value} {current().principal.subject}")

    async def stream(self, request: StringValue, _context: object) -> AsyncIterator[StringValue]:
        for word in request.value.split():
            if word == "missing":
                raise not_found("PACK_NOT_FOUND", "pack_id", "handbook")
            yield StringValue(value=word)


def add_echo(servicer: Echo, server: Any) -> None:
    """Register as generated code does."""
    parse, serialize = StringValue.FromString, StringValue.SerializeToString
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(servicer.unary, parse, serialize),
        "Stream": grpc.unary_stream_rpc_method_handler(servicer.stream, parse, serialize),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)


async def test_smoke() -> None:
    async with serving([Registration(add_echo, Echo(), SERVICE)]) as channel:
        unary = channel.unary_unary(f"/{SERVICE}/Unary", StringValue.SerializeToString, StringValue.FromString)
        assert (await unary(StringValue(value="hi"))).value == "hi tester"
        with pytest.raises(CallerError) as e:
            await unary(StringValue(value="missing"))
        assert e.value.reason == "PACK_NOT_FOUND"
        with pytest.raises(MeshError) as e2:
            await unary(StringValue(value="bug"))
        assert e2.value.kind is Kind.INTERNAL
        raw = channel.unary_unary(f"/{SERVICE}/Unary", bytes, StringValue.FromString)
        with pytest.raises(MeshError) as e3:
            await raw(b"\x0a\x02\xff\xff")
        assert e3.value.reason == "MESSAGE_MALFORMED"
        with pytest.raises(MeshError) as e3:
            await raw(b"\x0a" + b"x" * (5 << 20))
        assert e3.value.reason == "MESSAGE_TOO_LARGE"
        stream = channel.unary_stream(f"/{SERVICE}/Stream", StringValue.SerializeToString, StringValue.FromString)
        assert [w.value async for w in stream(StringValue(value="a b"))] == ["a", "b"]
        with pytest.raises(MeshError) as e3:
            [w async for w in stream(StringValue(value="a missing"))]
        assert e3.value.reason == "PACK_NOT_FOUND"
        nope = channel.unary_unary(f"/{SERVICE}/Nope", bytes, StringValue.FromString)
        with pytest.raises(MeshError) as e3:
            await nope(b"")
        assert e3.value.reason == "METHOD_UNKNOWN"
