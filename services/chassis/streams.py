"""A stream of replies as the caller sees it: messages, the response's metadata, and MeshError when it breaks."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import grpc

from services.chassis import status
from services.chassis.errors import MeshError
from services.chassis.outbox import Outbox
from services.chassis.telemetry import Span


class MeshStream:
    """One running streamed call: iterate over it, or ``read`` and ``write``.

    Whoever stops before the end closes it (``contextlib.aclosing``), so that the server stops too.
    """

    def __init__(
        self, started: Any, outbox: Outbox, span: Span | None
    ) -> None:  # Any: gRPC's stream calls share no typed base
        self._call = started
        self._outbox = outbox
        self._replies: AsyncIterator[Any] | None = None
        self._span = span

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._replies is None:
            self._replies = aiter(self._call)
        try:
            return await anext(self._replies)
        except StopAsyncIteration:
            self._end("OK")
            raise
        except asyncio.CancelledError:
            self._outbox.explain()
            raise
        except grpc.aio.AioRpcError as error:
            raise self._failed(error) from error

    async def read(self) -> Any:
        """Return the next reply, or ``grpc.aio.EOF`` after the last."""
        try:
            reply = await self._call.read()
        except asyncio.CancelledError:
            self._outbox.explain()
            raise
        except grpc.aio.AioRpcError as error:
            raise self._failed(error) from error
        if reply is grpc.aio.EOF:
            self._end("OK")
        return reply

    async def write(self, request: Any) -> None:
        """Send one more request; it waits while the peer is slower than we are.

        Raises:
            MeshError: The call is over: what ended it.
        """
        try:
            await self._call.write(request)
        except grpc.aio.AioRpcError as error:
            raise self._failed(error) from error
        except asyncio.InvalidStateError:
            await self._raise_end()
            raise

    async def done_writing(self) -> None:
        """Say that no more requests follow."""
        await self._call.done_writing()

    async def metadata(self) -> Mapping[str, str]:
        """Return the response's metadata so far; it waits for the first of it, which comes with the first reply."""
        initial = await self._call.initial_metadata()
        return plain(initial, await self._call.trailing_metadata() if self._call.done() else None)

    def cancel(self) -> bool:
        """Take the call back; False if it is over already."""
        self._end("CANCELLED")
        return bool(self._call.cancel())

    async def aclose(self) -> None:
        """Take the call back if it is still running."""
        if not self._call.done():
            self.cancel()
        # gRPC itself takes the call back where its reader was cancelled.
        self._end("CANCELLED")

    async def _raise_end(self) -> None:
        """Raise what ended the call; a server may also end it early with OK, and then there is nothing to raise."""
        code = await self._call.code()
        self._end(code.name)
        if code is not grpc.StatusCode.OK:
            trailers = dict(await self._call.trailing_metadata() or ())
            raise status.from_grpc(code, await self._call.details() or "", trailers)

    def _failed(self, error: grpc.aio.AioRpcError) -> MeshError:
        failure = failed(error)
        self._end(error.code().name, failure.reason)
        return failure

    def _end(self, code: str, reason: str = "") -> None:
        if self._span is not None:
            self._span.end(code, reason)
            self._span = None


def failed(error: grpc.aio.AioRpcError) -> MeshError:
    """Return what the server raised, with the metadata of its response."""
    trailers = dict(error.trailing_metadata() or ())
    failure = status.from_grpc(error.code(), error.details() or "", trailers)
    failure.transport = plain(error.initial_metadata(), error.trailing_metadata())
    return failure


def plain(*parts: Any) -> Mapping[str, str]:
    """Return the text entries of metadata in one mapping; on a failure Envoy's own come with the trailers."""
    return {key: value for part in parts for key, value in part or () if isinstance(value, str)}
