"""Connections to a vendor that come back from every call, whatever ends it.

httpx gives a connection back while a cancellation passes through it. A second cancellation in that moment, as when our
own timeout and the caller's deadline come together, breaks that off: the connection stays in the pool as busy, and
after ``max_connections`` of them the adapter never answers again. Therefore httpx works in tasks that are cancelled
only once.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import httpx

_T = TypeVar("_T")
_ending: set["asyncio.Task[Any]"] = set()  # Any: of no interest any more; asyncio itself keeps no task alive


class Connections(httpx.AsyncHTTPTransport):
    """A pool that loses no connection; takes the arguments of ``httpx.AsyncHTTPTransport``."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` and return the reply, its body unread."""
        asked = asyncio.create_task(super().handle_async_request(request))
        try:
            reply = await asyncio.shield(asked)
        except asyncio.CancelledError:
            _end(_taken_back(asked))
            raise
        if isinstance(reply.stream, httpx.AsyncByteStream):
            reply.stream = _Body(reply.stream)
        return reply


class _Body(httpx.AsyncByteStream):
    """The body of a reply, read and closed in tasks of their own."""

    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._inner)
        while (piece := await _undisturbed(_next(pieces))) is not None:
            yield piece

    async def aclose(self) -> None:
        await asyncio.shield(_end(self._inner.aclose()))


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


async def _undisturbed(work: Coroutine[Any, Any, _T]) -> _T:
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        # The body may be closed only when nobody reads it any more.
        await asyncio.shield(_end(_over(task)))
        raise


async def _over(task: "asyncio.Task[Any]") -> None:
    await asyncio.wait({task})


async def _taken_back(asked: "asyncio.Task[httpx.Response]") -> None:
    """Cancel a request; close its reply where that came in the same moment."""
    asked.cancel()
    await asyncio.wait({asked})
    if not asked.cancelled() and asked.exception() is None:
        await asked.result().aclose()


def _end(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """Let ``work`` come to its end whatever happens to the caller."""
    task = asyncio.create_task(work)
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    return task
