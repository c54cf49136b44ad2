"""A vendor's key on its way through the mesh: it reaches the vendor, and stands nowhere else, however calls end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc

from magistrate.engine.v1.engine_pb2 import DecideRequest
from tests.e2e.mesh.mesh import Client, Mesh, question, serving_mesh
from tests.fakes.mesh import free_ports, until
from tests.fakes.vendors import Answer, Junk, Refusal, Silence, Step

KEY = "sk-planted-0123456789-abcdefghij"
KEY_FILE = "model-api-key"
PASTED = "sk-pasted-9876543210-zyxwvutsrq"
"""What somebody put into a question and a model into its answer."""
REPEATED = f"Incorrect API key provided: {KEY}"
"""Some vendors repeat the key in what they refuse it with."""
ENDS: dict[str, Step] = {
    "answered": Answer(),
    "key limited": Refusal(status=429, message=REPEATED),
    "down": Refusal(status=503, message=REPEATED),
    "refused": Refusal(status=400, message=REPEATED),
    "junk": Junk(body=REPEATED.encode()),
    "error under way": Answer(error_after=2),
    "cut": Answer(cut_after=2),
    "silent": Silence(),
    "key rejected": Refusal(status=401, message=REPEATED),
}


class Collector(otlp_grpc.TraceServiceServicer):
    """Takes spans as an OTLP collector does."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def Export(  # noqa: N802 - the contract's name
        self, request: otlp.ExportTraceServiceRequest, _context: object
    ) -> otlp.ExportTraceServiceResponse:
        """Keep them."""
        self.seen.append(request.SerializeToString())
        return otlp.ExportTraceServiceResponse()


@asynccontextmanager
async def collecting(port: int) -> AsyncIterator[Collector]:
    """Yield a collector that listens."""
    collector, server = Collector(), grpc.aio.server()
    otlp_grpc.add_TraceServiceServicer_to_server(collector, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(None)


@pytest.mark.spec("PRV-18", "REC-17")
async def test_a_key_stands_nowhere_but_with_its_vendor() -> None:
    """Not in a reply, a log, a span, a metric, a table or any other file but the one that it was given in.

    What a caller pastes into a question, and a model repeats, is in the reply to that caller and nowhere else.
    """
    (port,) = free_ports(1)
    planted = {
        "MAGISTRATE_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "MAGISTRATE_ROUTER_BREAKER_FAILURES": "100",
    }
    shown: list[set[str]] = []
    async with collecting(port) as collector:
        with serving_mesh("local", **planted) as mesh:
            async with mesh.client() as client:
                mesh.local.say(f"You told me that the key is {PASTED}.")
                answered = await client.decide(additional_context=f"The key is {PASTED}.")
                told = [await _ended(mesh, client, name, shown) for name in ENDS]
            await until(lambda: _is_there(collector))
            metrics = await asyncio.to_thread(_metrics, Path(mesh.stack.record.run_dir))
            holders, pasted = [await asyncio.to_thread(_holders, mesh.stack.root, one) for one in (KEY, PASTED)]

    assert shown == [{f"Bearer {KEY}-{end.replace(' ', '-')}"} for end in ENDS]
    assert holders == {KEY_FILE}
    assert PASTED in answered.answer
    assert pasted == set()
    assert [spans for spans in collector.seen if PASTED.encode() in spans] == []
    assert PASTED.encode() not in metrics
    assert [words for words in told if KEY in words] == []
    assert [spans for spans in collector.seen if KEY.encode() in spans] == []
    assert b"magistrate_provider_key_tries_total" in metrics
    assert KEY.encode() not in metrics


async def _ended(mesh: Mesh, client: Client, end: str, shown: list[set[str]]) -> str:
    """Return all that the caller is told of a decision that ends so, and note what its vendor was shown.

    Each has a key of its own, so that none rests for what the one before it did.
    """
    mesh.local.play(ENDS[end])
    (mesh.stack.folder.secrets / KEY_FILE).write_text(f"{KEY}-{end.replace(' ', '-')}\n")
    try:
        reply = await client.engine.Decide(DecideRequest(question=question()), timeout=3.0, metadata=client.metadata)
        return str(reply)
    except grpc.aio.AioRpcError as error:
        return f"{error.debug_error_string()} {error.trailing_metadata()} {error.initial_metadata()}"
    finally:
        shown.append(mesh.local.shown)


async def _is_there(collector: Collector) -> bool:
    """Tell whether spans of the vendor's adapter have come."""
    return any(b"provider-local" in spans for spans in collector.seen)


def _metrics(run_dir: Path) -> bytes:
    """Return what every service tells a scraper."""
    return b"".join(_scraped(path) for path in run_dir.glob("*-metrics.sock"))


def _scraped(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as scraper:
        scraper.connect(str(path))
        scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n")
        return b"".join(iter(lambda: scraper.recv(65_536), b""))


def _holders(root: Path, secret: str) -> set[str]:
    """Return the files of the stack that hold a secret: of its logs, spools, configuration and database."""
    holders = set()
    for path in root.rglob("*"):
        with suppress(OSError):  # a database removes files while it is read
            if path.is_file() and secret.encode() in path.read_bytes():
                holders.add(path.name)
    return holders
