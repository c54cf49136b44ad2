"""What a caller sends, and the truth about a call that seems to have been cancelled.

grpc.aio answers two very different things with ``CancelledError``: the caller's task was cancelled, or only the call
was (by ``cancel()`` elsewhere, or because the caller's own stream of requests failed). A task group would take the
second for the first and swallow it, so the two are told apart here.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

from services.chassis.errors import CallerError, Kind


class Outbox:
    """The request of one call, or its stream of requests."""

    def __init__(self, request: Any, *, many: bool) -> None:  # Any: the channel is the same for every message type
        self._failure: Exception | None = None
        self.requests: Any = self._each(request) if many and request is not None else request
        """What gRPC takes; None where the caller writes requests by hand."""

    def explain(self) -> None:
        """Raise why the call was cancelled, unless it is because this task was.

        Raises:
            Exception: What the caller's own stream of requests raised.
            CallerError: CANCELLED: someone took back the call, but not the task that waits for it.
        """
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            return
        if self._failure is not None:
            raise self._failure
        raise CallerError(Kind.CANCELLED, "CANCELLED", "the call was taken back")

    async def _each(self, requests: AsyncIterable[Any] | Iterable[Any]) -> AsyncIterator[Any]:
        try:
            if isinstance(requests, AsyncIterable):
                async for request in requests:
                    yield request
            else:
                for request in requests:
                    yield request
        except Exception as error:
            self._failure = error
            raise
