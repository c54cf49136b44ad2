"""Group commit: many callers wait, one transaction writes, and nobody is answered before it has committed."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.clock import Clock
from services.chassis.errors import Kind, WorldError, unavailable
from services.chassis.log import get_logger
from services.chassis.metrics import gauge, histogram
from services.recorder.core.batch import Entry, Window
from services.recorder.ports import EvidenceWriter, RejectedError, Written

FIRST_RETRY_S = 0.05
LONGEST_RETRY_S = 1.0
QUEUE_FULL_RETRY_S = 0.25
"""What a producer is told to wait: a few commits' time."""
AWAY_RETRY_S = 1.0
"""What a producer is told to wait while the store is away."""
BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200)

_log = get_logger("recorder.committer")
_queued = gauge("magistrate_recorder_queue_records", "Records that wait for their commit")
_batch_size = histogram("magistrate_recorder_batch_records", "Records in one transaction", buckets=BATCH_SIZES)
_commit_seconds = histogram("magistrate_recorder_commit_seconds", "Time of one transaction that committed")


@dataclass(slots=True, eq=False)
class _Waiting:
    entry: Entry
    answer: asyncio.Future[Written]
    arrived_at: float


class Committer:
    """A bounded queue before the store; `run` empties it, `append` waits for its own record."""

    def __init__(
        self,
        writer: EvidenceWriter,
        clock: Clock,
        *,
        window: Window,
        queue_records: int,
        queue_bytes: int,
    ) -> None:
        self._writer, self._clock, self._window = writer, clock, window
        self._queue_records, self._queue_bytes = queue_records, queue_bytes
        self._queue = deque[_Waiting]()
        self._records = self._bytes = 0
        self._expected = 1
        self._changed = asyncio.Event()
        _queued.set_function(lambda: self._records)

    async def append(self, entry: Entry, patience_s: float) -> Written:
        """Return the record's place after its commit.

        Raises:
            WorldError: QUEUE_FULL, nothing was taken; EVIDENCE_UNAVAILABLE, no commit was confirmed within
                ``patience_s`` (the record may be written all the same; its key decides at the next try).
            RejectedError: the store refuses this record.
        """
        self._admit(entry)
        try:
            async with asyncio.timeout(patience_s):
                return await self._enqueue(entry)
        except TimeoutError as error:
            message = "the evidence could not be made durable in time; send it again under the same key"
            raise unavailable("EVIDENCE_UNAVAILABLE", message, AWAY_RETRY_S) from error
        finally:
            self._release(entry)

    async def run(self) -> None:
        """Commit batch after batch, for ever.

        Raises:
            LogDivergedError: the log would fork; the process must end.
        """
        while True:
            batch = await self._collect()
            self._expected = len(batch)
            async with asyncio.TaskGroup() as transactions:
                for tenant, group in _by_tenant(batch).items():
                    transactions.create_task(self._commit(tenant, group))

    def _admit(self, entry: Entry) -> None:
        if self._records >= self._queue_records or self._bytes + entry.size_bytes > self._queue_bytes:
            message = "the queue of records to commit is full"
            raise WorldError(Kind.EXHAUSTED, "QUEUE_FULL", message, retry_after_s=QUEUE_FULL_RETRY_S)
        self._records += 1
        self._bytes += entry.size_bytes

    def _release(self, entry: Entry) -> None:
        self._records -= 1
        self._bytes -= entry.size_bytes

    def _enqueue(self, entry: Entry) -> asyncio.Future[Written]:
        answer = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(entry=entry, answer=answer, arrived_at=self._clock.monotonic()))
        if len(self._queue) in {1, self._expected, self._window.max_records}:
            self._changed.set()
        return answer

    async def _collect(self) -> list[_Waiting]:
        while not self._queue:
            await self._change()
        while wait_s := self._wait_s():
            try:
                async with asyncio.timeout(wait_s):
                    await self._change()
            except TimeoutError:
                break
        return self._take()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _wait_s(self) -> float:
        age_s = self._clock.monotonic() - self._queue[0].arrived_at
        return self._window.wait_s(records=len(self._queue), expected=self._expected, age_s=age_s)

    def _take(self) -> list[_Waiting]:
        batch, size_bytes = list[_Waiting](), 0
        while self._queue and not self._window.full(records=len(batch), size_bytes=size_bytes):
            waiting = self._queue.popleft()
            batch.append(waiting)
            size_bytes += waiting.entry.size_bytes
        return batch

    async def _commit(self, tenant: str, group: Sequence[_Waiting]) -> None:
        """Write one tenant's records; repeat while the store is away and somebody still waits."""
        retry_s = FIRST_RETRY_S
        while live := [waiting for waiting in group if not waiting.answer.done()]:
            try:
                await self._write(tenant, live)
            except WorldError as error:
                _log.warning("commit_failed", reason=error.reason, tenant=tenant, count=len(live))
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    async def _write(self, tenant: str, live: Sequence[_Waiting]) -> None:
        began = self._clock.monotonic()
        try:
            written = await self._writer.append(tenant, [waiting.entry for waiting in live])
        except RejectedError as error:
            await self._write_apart(tenant, live, error)
            return
        _commit_seconds.observe(self._clock.monotonic() - began)
        _batch_size.observe(len(live))
        for waiting in live:
            if not waiting.answer.done():
                waiting.answer.set_result(written[waiting.entry.key])

    async def _write_apart(self, tenant: str, live: Sequence[_Waiting], error: RejectedError) -> None:
        """Let one bad record fail alone."""
        if len(live) == 1:
            _log.error("record_rejected", tenant=tenant, error=str(error))
            if not live[0].answer.done():
                live[0].answer.set_exception(error)
            return
        for waiting in live:
            await self._write(tenant, [waiting])


def _by_tenant(batch: Sequence[_Waiting]) -> dict[str, list[_Waiting]]:
    groups = defaultdict[str, list[_Waiting]](list)
    for waiting in batch:
        groups[waiting.entry.tenant].append(waiting)
    return groups
