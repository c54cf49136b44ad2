"""Group commit: while one transaction is on its way, whoever comes waits for the next, and all of them share it.

One hot counter row serialises the transactions that touch it; what they carry is what makes it fast.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.chassis.errors import WorldError
from services.chassis.metrics import histogram

LARGEST = 128
"""Items in one transaction."""

_SIZES = histogram(
    "magistrate_ledger_batch_items",
    "Reservations and settlements in one transaction.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200),
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    item: Json
    answer: "asyncio.Future[Json]"


class Batches:
    """Writes items in the order in which they came, one transaction at a time; nobody waits for company."""

    def __init__(self, write: Callable[[Sequence[Json]], Awaitable[Sequence[Json]]]) -> None:
        self._write = write
        self._queue = deque[_Waiting]()
        self._writing: asyncio.Task[None] | None = None

    def put(self, item: Json) -> "asyncio.Future[Json]":
        """Return the answer to ``item``, which is written whether anybody waits for it or not."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(item, loop.create_future())
        self._queue.append(waiting)
        if self._writing is None:
            # The writer's life is that of the queue, not of the call that happened to find it empty.
            self._writing = loop.create_task(self._empty(), name="ledger writer")
        return waiting.answer

    async def _empty(self) -> None:
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(LARGEST, len(self._queue)))]
                await self._commit(batch)
        finally:
            self._writing = None

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        _SIZES.observe(len(batch))
        try:
            answers = await self._write([waiting.item for waiting in batch])
        except WorldError as error:
            for waiting in batch:
                _fail(waiting, error)
        except Exception as error:  # noqa: BLE001 - whatever one item is refused for, its neighbours are not
            if len(batch) == 1:
                _fail(batch[0], error)
            else:
                for waiting in batch:
                    await self._commit([waiting])
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
