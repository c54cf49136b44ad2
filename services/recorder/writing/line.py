"""What one tenant's callers wait to have written: a queue that is emptied batch by batch."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.clock import Clock
from services.recorder.core.batch import Entry, Window
from services.recorder.ports import RejectedError, Written

Place = Written | RejectedError


@dataclass(slots=True, eq=False)
class Waiting:
    """Records of one log that came together and go into one transaction."""

    entries: Sequence[Entry]
    size_bytes: int
    answer: asyncio.Future[list[Place]]
    arrived_at: float

    def place(self, places: list[Place]) -> None:
        """Tell the caller where its records stand, if it still waits."""
        if not self.answer.done():
            self.answer.set_result(places)

    def fail(self, error: Exception) -> None:
        """Tell the caller why they were not written, if it still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Line:
    """First come, first written; whoever empties it waits a moment for as many as came last time."""

    def __init__(self, clock: Clock, window: Window) -> None:
        self._clock, self._window = clock, window
        self._queue = deque[Waiting]()
        self._records, self._expected = 0, 1
        self._changed = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put(self, waiting: Waiting) -> None:
        """Add what came together."""
        self._queue.append(waiting)
        before, self._records = self._records, self._records + len(waiting.entries)
        if any(before < enough <= self._records for enough in (self._expected, self._window.max_records)):
            self._changed.set()

    async def batch(self) -> Sequence[Waiting]:
        """Return the next batch of a line that is not empty, once it has company enough or has waited for it."""
        while wait_s := self._wait_s():
            self._changed.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                break
        taken = self._take()
        self._expected = sum(len(waiting.entries) for waiting in taken)
        return taken

    def _wait_s(self) -> float:
        age_s = self._clock.monotonic() - self._queue[0].arrived_at
        return self._window.wait_s(records=self._records, expected=self._expected, age_s=age_s)

    def _take(self) -> list[Waiting]:
        taken, records, size_bytes = list[Waiting](), 0, 0
        while self._queue and not self._window.full(records=records, size_bytes=size_bytes):
            waiting = self._queue.popleft()
            taken.append(waiting)
            records += len(waiting.entries)
            size_bytes += waiting.size_bytes
        self._records -= records
        return taken
