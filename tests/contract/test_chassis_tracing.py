"""Traces connect what one request does in every service (W3C trace context)."""

import asyncio
from contextlib import aclosing

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from services.chassis.errors import MeshError, not_found
from services.chassis.telemetry import Tracing
from services.chassis.testing import serving
from tests.fakes.echo import SERVICE, Echo, EchoStub, registrations, says

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def missing() -> None:
    """Fail as a servicer does that finds nothing."""
    raise not_found("PACK_NOT_FOUND", "pack_id", "handbook")


@pytest.mark.parametrize(("flags", "expected"), [("01", 3), ("00", 0)])
async def test_spans_of_two_hops_are_one_trace(flags: str, expected: int) -> None:
    """Client and server span of each hop hang together below the caller's; an unsampled caller costs no span."""
    exporter = InMemorySpanExporter()
    tracing = Tracing("echo", SimpleSpanProcessor(exporter))
    far, near = Echo(), Echo()
    async with serving(registrations(far), tracing=tracing) as far_channel:
        near.acts["go"] = lambda: EchoStub(far_channel).unary(says("on"))
        async with serving(registrations(near), tracing=tracing) as channel:
            # A raw call, so that the first span of the test is a server's, as at the edge.
            sent = [("traceparent", f"00-{TRACE}-{PARENT}-{flags}")]
            await EchoStub(channel._channel).unary(says("go"), timeout=5, metadata=sent)
    spans = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
    ids = [span.context.span_id if span.context else 0 for span in spans]

    assert len(spans) == expected
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} <= {TRACE}
    assert [span.kind for span in spans] == [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.SERVER][: len(spans)]
    parents = [span.parent.span_id if span.parent else 0 for span in spans]
    assert parents == [int(PARENT, 16), *ids[:-1]][: len(spans)]
    assert far.seen[0].trace_id == TRACE


async def test_a_failure_marks_its_span() -> None:
    """The span of a failed call carries code and reason, and neither message nor metadata."""
    exporter = InMemorySpanExporter()
    tracing = Tracing("echo", SimpleSpanProcessor(exporter))
    async with serving(registrations(Echo(acts={"bad": missing})), tracing=tracing) as channel:
        with pytest.raises(MeshError):
            await EchoStub(channel).unary(says("bad"))
    spans = exporter.get_finished_spans()

    assert {span.name for span in spans} == {f"{SERVICE}/Unary"}
    for span in spans:
        assert span.status.description == "PACK_NOT_FOUND"
        assert (span.attributes or {})["rpc.grpc.status_code"] == "NOT_FOUND"
        assert "handbook" not in span.to_json()


async def test_a_call_without_a_trace_begins_one() -> None:
    """The first service of a request starts a sampled trace; a stream has its span like any call."""
    exporter = InMemorySpanExporter()
    tracing = Tracing("echo", SimpleSpanProcessor(exporter))
    async with serving(registrations(Echo()), tracing=tracing) as channel:
        raw = EchoStub(channel._channel)
        assert [message.value async for message in raw.stream(says("a b"), timeout=5)] == ["a", "b"]
    (span,) = exporter.get_finished_spans()

    assert span.parent is None


@pytest.mark.parametrize("leaves", ["reads by hand", "is cancelled"])
async def test_a_streams_span_ends_however_its_reader_leaves(leaves: str) -> None:
    """Whether it is read to its end by hand or its reader is cancelled: a span that never ends is never sent."""
    exporter = InMemorySpanExporter()
    tracing = Tracing("echo", SimpleSpanProcessor(exporter))
    servicer = Echo(acts={"wait": asyncio.Event().wait})
    async with serving(registrations(servicer), tracing=tracing) as channel:
        async with aclosing(EchoStub(channel).stream(says("wait" if leaves == "is cancelled" else "a"))) as stream:
            if leaves == "is cancelled":
                reading = asyncio.ensure_future(anext(stream))
                await servicer.started.wait()
                reading.cancel()
                await asyncio.wait({reading})
            else:
                while await stream.read() is not grpc.aio.EOF:
                    pass
        ended = [span.kind for span in exporter.get_finished_spans()]

    assert SpanKind.CLIENT in ended


class Collector(TraceServiceServicer):
    """The receiving end of OTLP."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.received: asyncio.Queue[ExportTraceServiceRequest] = asyncio.Queue()

    async def Export(self, request: ExportTraceServiceRequest, _context: object) -> ExportTraceServiceResponse:  # noqa: N802
        """Keep what arrives."""
        await self.received.put(request)
        return ExportTraceServiceResponse()


async def test_spans_arrive_at_a_collector() -> None:
    """A service with an endpoint sends its spans over OTLP, named after the service; closing sends the last of them."""
    collector, server = Collector(), grpc.aio.server()
    add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    tracing = Tracing.to_endpoint("echo", f"http://127.0.0.1:{port}")
    async with serving(registrations(Echo()), tracing=tracing) as channel:
        await EchoStub(channel).unary(says("a"))
    await asyncio.to_thread(tracing.close)
    (sent,) = (await collector.received.get()).resource_spans
    await server.stop(0)

    assert {a.value.string_value for a in sent.resource.attributes if a.key == "service.name"} == {"echo"}
    assert [span.name for scope in sent.scope_spans for span in scope.spans] == [f"{SERVICE}/Unary"] * 2
