"""Group commit: many callers wait, one transaction writes, and nobody is answered before it has committed."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextvars import Context, copy_context

from services.chassis.clock import Clock
from services.chassis.errors import Kind, WorldError, unavailable
from services.chassis.log import get_logger
from services.chassis.metrics import gauge, histogram
from services.recorder.core.batch import Entry, Window
from services.recorder.ports import EvidenceWriter, LogDivergedError, RejectedError, StaleKeysError, StoreFullError
from services.recorder.writing.line import Line, Place, Waiting
from services.recorder.writing.valve import Valve, store_full

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
_oldest = gauge("magistrate_recorder_oldest_waiting_seconds", "Age of the oldest record that is not acknowledged")
_commit_seconds = histogram("magistrate_recorder_commit_seconds", "Time of one transaction that committed")


class Committer:
    """A bounded queue before the store, a line for each tenant: `run` empties them, `append` waits for its own record.

    Lines are emptied side by side. A tenant whose log is held, as by a long erasure, or damaged holds up no other.
    """

    def __init__(
        self,
        writer: EvidenceWriter,
        clock: Clock,
        valve: Valve,
        *,
        window: Window,
        queue_records: int,
        queue_bytes: int,
    ) -> None:
        self._writer, self._clock, self._valve, self._window = writer, clock, valve, window
        self._queue_records, self._queue_bytes = queue_records, queue_bytes
        self._lines = dict[str, Line]()
        self._served = set[str]()
        self._transactions: asyncio.TaskGroup | None = None
        self._context = Context()
        self._records = self._bytes = 0
        self._unanswered = dict[asyncio.Future[list[Place]], float]()
        _queued.set_function(lambda: self._records)
        _oldest.set_function(self._oldest_s)

    async def append(self, entries: Sequence[Entry], patience_s: float) -> list[Place]:
        """Return the place of each of one log's records after their commit, or why the store refuses it.

        Raises:
            WorldError: QUEUE_FULL or STORE_FULL, nothing was taken; EVIDENCE_UNAVAILABLE, nothing was confirmed within
                ``patience_s`` (the records may be written all the same; their keys decide at the next try).
            StaleKeysError: some of them are sealed with a key that is no more; nothing was written.
        """
        size_bytes = sum(entry.size_bytes for entry in entries)
        self._valve.check()
        self._admit(len(entries), size_bytes)
        try:
            async with asyncio.timeout(patience_s):
                return await self._enqueue(entries, size_bytes)
        except TimeoutError as error:
            message = "the evidence could not be made durable in time; send it again under the same key"
            raise unavailable("EVIDENCE_UNAVAILABLE", message, AWAY_RETRY_S) from error
        finally:
            self._records -= len(entries)
            self._bytes -= size_bytes

    async def run(self) -> None:
        """Commit batch after batch, for ever.

        Raises:
            ExceptionGroup: with a LogDivergedError: a log would fork; the process must end.
        """
        self._context = copy_context()
        try:
            async with asyncio.TaskGroup() as self._transactions:
                for tenant in self._lines:
                    self._serve(tenant)
                await asyncio.get_running_loop().create_future()
        finally:
            self._transactions = None

    def _serve(self, tenant: str) -> None:
        """Have a tenant's line emptied, unless it is being emptied."""
        if self._transactions and tenant not in self._served:
            self._served.add(tenant)
            # Of nobody's call: whoever comes first is not whom all that follows is done for.
            self._transactions.create_task(self._empty(tenant), context=self._context.copy())

    async def _empty(self, tenant: str) -> None:
        line = self._lines[tenant]
        try:
            while line:
                for group in _by_log(await line.batch()).values():
                    await self._commit(tenant, group)
        except LogDivergedError:
            self._transactions = None  # nothing more is begun
            raise
        finally:
            self._served.discard(tenant)

    def _admit(self, records: int, size_bytes: int) -> None:
        if self._records + records > self._queue_records or self._bytes + size_bytes > self._queue_bytes:
            message = "the queue of records to commit is full"
            raise WorldError(Kind.EXHAUSTED, "QUEUE_FULL", message, retry_after_s=QUEUE_FULL_RETRY_S)
        self._records += records
        self._bytes += size_bytes

    def _enqueue(self, entries: Sequence[Entry], size_bytes: int) -> asyncio.Future[list[Place]]:
        answer = asyncio.get_running_loop().create_future()
        now, tenant = self._clock.monotonic(), entries[0].tenant
        self._unanswered[answer] = now
        answer.add_done_callback(self._unanswered.pop)
        line = self._lines.setdefault(tenant, Line(self._clock, self._window))
        line.put(Waiting(entries=entries, size_bytes=size_bytes, answer=answer, arrived_at=now))
        self._serve(tenant)
        return answer

    def _oldest_s(self) -> float:
        """Return how long the first of those that wait has waited; a dict keeps the order of arrival."""
        arrived_at = next(iter(self._unanswered.values()), None)
        return 0.0 if arrived_at is None else self._clock.monotonic() - arrived_at

    async def _commit(self, tenant: str, group: Sequence[Waiting]) -> None:
        """Write one tenant's records; repeat while the store is away and somebody still waits."""
        retry_s = FIRST_RETRY_S
        while live := [waiting for waiting in group if not waiting.answer.done()]:
            try:
                await self._write(tenant, live)
            except WorldError as error:
                _log.warning("commit_failed", reason=error.reason, tenant=tenant, count=len(live))
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    async def _write(self, tenant: str, live: Sequence[Waiting]) -> None:
        began = self._clock.monotonic()
        entries = [entry for waiting in live for entry in waiting.entries]
        try:
            written = await self._writer.append(tenant, entries)
        except StaleKeysError as error:
            _fail(live, error)
            return
        except StoreFullError:
            self._valve.refused()
            _fail(live, store_full())
            return
        except RejectedError as error:
            await self._write_apart(tenant, live, error)
            return
        _commit_seconds.observe(self._clock.monotonic() - began)
        _batch_size.observe(len(entries))
        for waiting in live:
            waiting.place([written[entry.key] for entry in waiting.entries])

    async def _write_apart(self, tenant: str, live: Sequence[Waiting], error: RejectedError) -> None:
        """Let one bad record fail alone."""
        if len(live) > 1:
            for waiting in live:
                await self._write(tenant, [waiting])
            return
        (waiting,) = live
        if len(waiting.entries) > 1:
            waiting.place([await self._alone(tenant, entry) for entry in waiting.entries])
            return
        _log.error("record_rejected", tenant=tenant, error=str(error))
        waiting.place([error])

    async def _alone(self, tenant: str, entry: Entry) -> Place:
        try:
            return (await self._writer.append(tenant, [entry]))[entry.key]
        except RejectedError as error:
            _log.error("record_rejected", tenant=tenant, error=str(error))
            return error


def _fail(live: Sequence[Waiting], error: Exception) -> None:
    for waiting in live:
        waiting.fail(error)


def _by_log(batch: Sequence[Waiting]) -> dict[str, list[Waiting]]:
    """Group one tenant's records by their log: a transaction extends one."""
    groups = defaultdict[str, list[Waiting]](list)
    for waiting in batch:
        groups[waiting.entries[0].origin].append(waiting)
    return groups
