"""The order of the chain is a promise."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.chassis import steps
from services.chassis.drain import Drain
from services.chassis.telemetry import Tracing


@pytest.mark.parametrize("traced", [False, True])
def test_the_order_of_the_chain(traced: bool) -> None:
    """Identity before what names the request, log and metrics before what refuses, errors first on the way back."""
    chain = steps.chain({}, Drain(), Tracing("echo", SimpleSpanProcessor(InMemorySpanExporter())) if traced else None)
    names = [type(step).__name__.strip("_") for step in chain]

    assert names == ["Identity", *(["Trace"] if traced else []), "Metrics", "AccessLog", "Drain", "Pending", "Errors"]
