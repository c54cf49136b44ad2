"""A scriptable model vendor over HTTP/1.1 on loopback, with every fault that real vendors show.

It answers each call in the format in which it was asked: OpenAI's, Anthropic's or Ollama's.

In a test::

    async with FakeVendor(script=[Refusal(status=429, retry_after="2"), Answer()]) as vendor:
        ...  # point an adapter at vendor.base_url

As a process, for the whole mesh and the benchmark::

    python -m tests.fakes.vendors --port 18091 --script busy,instant

Each model call takes the next step of the script; the last step repeats. ``GET /calls`` returns the counters and
``POST /script`` with ``{"script": "down,instant"}`` puts a new script in place while the process runs.
"""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Self

from tests.fakes import http_wire
from tests.fakes.http_wire import Call
from tests.fakes.script import (
    CONTEXT_TOO_LONG,
    SCRIPTS,
    WORDS,
    Answer,
    Junk,
    Refusal,
    Silence,
    Step,
    named,
    wire_of,
)

__all__ = [
    "CONTEXT_TOO_LONG",
    "SCRIPTS",
    "WORDS",
    "Answer",
    "FakeVendor",
    "Junk",
    "Refusal",
    "Silence",
    "Step",
    "named",
]

_MODEL_PATHS = ("/chat/completions", "/v1/messages", "/api/chat")
_COUNT_PATHS = ("/messages/count_tokens", "/chat/completions/input_tokens", "/responses/input_tokens")
"""Anthropic's, llama.cpp's and OpenAI's."""


def shown_key(call: Call) -> str:
    """Return the key that a call shows, in its vendor's way."""
    return call.headers.get("x-api-key") or call.headers.get("authorization", "").removeprefix("Bearer ")


class _HungUpError(Exception):
    """The fake itself has dropped the connection."""


@dataclass(slots=True, kw_only=True)
class FakeVendor:
    """The server. Enter it to listen; everything it saw stays readable after it has closed."""

    script: Sequence[Step] = (Answer(),)
    api_key: str = ""
    """Demand this key on every call; empty accepts all."""
    scripts: Mapping[str, Sequence[Step]] = field(default_factory=dict)
    """Scripts of the calls that show a certain key, each counted by itself."""
    counts_tokens: bool = True
    """Whether it has an endpoint that counts; not every compatible server has."""
    port: int = 0
    """0 takes a free port."""
    calls: list[Call] = field(default_factory=list)
    """Model calls in order of arrival (not counts, models, health)."""
    connections: int = 0
    """TCP connections accepted: tells whether the client reuses them."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first model call came in."""
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an answer was begun and now says nothing more."""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client left before its answer was complete."""
    cancellations: int = 0
    keep_calls: bool = True
    """False counts without remembering: a benchmark must not grow."""
    count: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Calls by key, for the keys that have a script."""
    _server: asyncio.Server | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and drop every connection."""
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def base_url(self) -> str:
        """Return the API root as a vendor's documentation would give it."""
        return f"http://127.0.0.1:{self.port}/v1"

    def _next_step(self, key: str) -> Step:
        if key in self.scripts:
            count = self.counts[key] = self.counts.get(key, 0) + 1
            self.count += 1
            return self.scripts[key][min(count, len(self.scripts[key])) - 1]
        step = self.script[min(self.count, len(self.script) - 1)]
        self.count += 1
        return step

    def restart(self, script: Sequence[Step]) -> None:
        """Put a new script in place and count from its first step."""
        self.script, self.count = script, 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while (call := await http_wire.read_call(reader)) is not None:
                await self._reply(call, reader, writer)
                await writer.drain()
        except (_HungUpError, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _reply(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.api_key and shown_key(call) != self.api_key:
            writer.write(Refusal(status=401, code="invalid_api_key").reply(call))
        elif call.path.endswith(_MODEL_PATHS):
            await self._complete(call, reader, writer)
        else:
            writer.write(self._side_door(call))

    def _side_door(self, call: Call) -> bytes:
        match call.path:
            case "/v1/models" | "/api/tags":
                return http_wire.reply_json(wire_of(call).models("fake-model"))
            case path if path.endswith(_COUNT_PATHS) and self.counts_tokens:
                return http_wire.reply_json(wire_of(call).counted(call.json()))
            case "/health":
                return http_wire.reply_json({"status": "ok"})
            case "/calls":
                return http_wire.reply_json(
                    {"calls": self.count, "cancelled": self.cancellations, "connections": self.connections}
                )
            case "/script":
                self.restart(named(str(call.json()["script"])))
                return http_wire.reply_json({"script": call.json()["script"]})
            case _:
                return Refusal(status=404, message=f"no such path: {call.path}").reply(call)

    async def _complete(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.keep_calls:
            self.calls.append(call)
        self.arrived.set()
        if why := wire_of(call).refusal(call.json()):
            writer.write(Refusal(status=400, message=why).reply(call))
            return
        try:
            await self._play(self._next_step(shown_key(call)), call, reader, writer)
        except ConnectionError:
            self.cancellations += 1
            self.cancelled.set()
            raise

    async def _play(self, step: Step, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match step:
            case Refusal():
                writer.write(step.reply(call))
                if step.cut:
                    raise _HungUpError
            case Junk():
                writer.write(http_wire.reply(step.body))
            case Silence():
                await self._gone(reader)
            case Answer():
                await self._answer(call, step, reader, writer)

    async def _answer(
        self, call: Call, step: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._pause(step.delay_s, reader)
        request = call.json()
        assert request["stream"] is True, "adapters always stream"
        wire = wire_of(call)
        writer.write(http_wire.stream_head(wire.CONTENT_TYPE))
        async for event in self._events(wire, request, step, reader, writer):
            size = step.fragment or len(event)
            for start in range(0, len(event), size):
                writer.write(http_wire.chunk(event[start : start + size]))
            await writer.drain()
        writer.write(http_wire.STREAM_END)

    async def _events(
        self,
        wire: ModuleType,
        request: Mapping[str, object],
        step: Answer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> AsyncIterator[bytes]:
        for event in wire.opening(request, usage=step.usage):
            yield event
        for sent, word in enumerate(step.words):
            await self._pause(step.gap_s, reader)
            if sent == step.stall_after:
                self.stalled.set()
                await self._gone(reader)
            if sent == step.cut_after:
                writer.transport.abort()
                raise _HungUpError
            if sent == step.junk_after:
                yield wire.junk()
            if sent == step.error_after:
                yield wire.failure()
            yield wire.delta(request, word)
        for event in wire.closing(request, step.words, step.finish, usage=step.usage):
            yield event

    async def _pause(self, seconds: float, reader: asyncio.StreamReader) -> None:
        if seconds <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone(reader)

    async def _gone(self, reader: asyncio.StreamReader) -> None:
        """Wait until the client leaves. Raises ConnectionError."""
        await reader.read(1)
        raise ConnectionError


async def _forever(port: int, script: str) -> None:
    async with FakeVendor(port=port, script=named(script), keep_calls=False) as vendor:
        print(vendor.base_url, flush=True)  # noqa: T201 - the starter reads the address from standard output
        await asyncio.Event().wait()


def main() -> None:
    """Serve until a signal ends the process."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--script", default="instant", help=f"comma-separated steps of: {', '.join(SCRIPTS)}")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_forever(arguments.port, arguments.script))


if __name__ == "__main__":
    main()
