"""Traces: a span for every call that is served or made, sent over OTLP; off unless an endpoint is configured."""

from dataclasses import replace
from typing import Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from services.chassis import call
from services.chassis.call import Call

_SCOPE = "magistrate"
_EXPORT_TIMEOUT_S = 3


class Span:
    """One running span."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """Return the W3C trace context that makes this span the parent of what follows."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"

    def end(self, code: str, reason: str = "") -> None:
        """End the span with the gRPC status code ``code`` and, for a failure, the ErrorReason."""
        self._span.set_attribute("rpc.grpc.status_code", code)
        if reason:
            self._span.set_attribute("magistrate.reason", reason)
        if code != "OK":
            self._span.set_status(StatusCode.ERROR, reason or code)
        self._span.end()


class Tracing:
    """Starts spans and hands them to an exporter in batches, off the path of the call."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(_SCOPE)

    @classmethod
    def to_endpoint(cls, service: str, endpoint: str) -> Self:
        """Return tracing that exports to the OTLP/gRPC collector at ``endpoint``, e.g. ``http://127.0.0.1:4317``."""
        # Its import takes a seventh of what a service needs for all of its own; most processes send no traces.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - as above

        exporter = OTLPSpanExporter(
            endpoint=endpoint, insecure=not endpoint.startswith("https://"), timeout=_EXPORT_TIMEOUT_S
        )
        return cls(service, BatchSpanProcessor(exporter))

    def serve(self, served: Call, method: str, *, follows: bool) -> Span:
        """Start the span of a served call, and make it the parent of everything that is done for it in this task.

        Args:
            served: The call.
            method: Its full path.
            follows: Whether its trace context came with it; otherwise the span begins a trace that is sampled.
        """
        parent = _parent(served.traceparent if follows else "")
        span = self._tracer.start_span(method[1:], context=parent, kind=SpanKind.SERVER)
        span.set_attribute("magistrate.request_id", served.request_id)
        otel_context.attach(trace.set_span_in_context(span))
        running = Span(span)
        call.enter(replace(served, traceparent=running.traceparent))
        return running

    def call(self, method: str, traceparent: str) -> Span:
        """Start the span of a call that is made; its parent is the current span, or else ``traceparent``."""
        current = trace.get_current_span()
        inside = current.get_span_context().is_valid
        context = trace.set_span_in_context(current) if inside else _parent(traceparent)
        return Span(self._tracer.start_span(method[1:], context=context, kind=SpanKind.CLIENT))

    def close(self) -> None:
        """Send what is still waiting, for a few seconds at most."""
        self._provider.shutdown()


def _parent(traceparent: str) -> Context:
    """Return the context of a remote parent; a caller that does not sample is followed only in its ids."""
    if not traceparent:
        return Context()
    _, trace_id, span_id, flags = traceparent.split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(NonRecordingSpan(context), Context())
