"""The committer answers after the commit, once, in the face of a store that fails in every way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import Kind, WorldError, unavailable
from services.chassis.metrics import REGISTRY
from services.recorder.core.batch import Entry, Window
from services.recorder.core.custody import Body
from services.recorder.ports import LogDivergedError, RejectedError, StaleKeysError, StoreFullError, Written
from services.recorder.writing.committer import Committer
from services.recorder.writing.valve import Valve
from tests.unit.recorder.test_batch import entry

AWAY = unavailable("STORE_UNAVAILABLE", "away")


@dataclass(slots=True)
class MemoryWriter:
    """A store in memory; each call first consults ``trouble``, which may raise."""

    trouble: Callable[[Sequence[Entry]], None] = lambda _: None
    batches: list[list[str]] = field(default_factory=list)
    indexes: dict[str, int] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def append(self, tenant: str, entries: Sequence[Entry]) -> Mapping[str, Written]:
        """Write unless there is trouble."""
        await self.open.wait()
        self.batches.append([f"{tenant}:{e.key}" for e in entries])
        self.trouble(entries)
        return {e.key: self._written(e) for e in entries}

    def _written(self, e: Entry) -> Written:
        known = e.key in self.indexes
        index = self.indexes.setdefault(e.key, len(self.indexes))
        return Written(
            origin=e.origin,
            index=index,
            leaf=e.leaf,
            envelope=e.envelope,
            body=Body(sealed=b""),
            already_recorded=known,
        )


def open_valve() -> Valve:
    """Return a valve that watches no volume."""
    return Valve(SystemClock(), used_percent=None, limit_percent=85)


@asynccontextmanager
async def committing(
    writer: MemoryWriter, *, queue_records: int = 100, queue_bytes: int = 1000, opened: bool = True
) -> AsyncIterator[Committer]:
    """Yield a running committer."""
    window = Window(max_records=10)
    committer = Committer(
        writer, SystemClock(), open_valve(), window=window, queue_records=queue_records, queue_bytes=queue_bytes
    )
    running = asyncio.create_task(committer.run())
    if opened:
        writer.open.set()
    try:
        yield committer
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def append(committer: Committer, key: str, patience_s: float) -> Written:
    """Append one record."""
    (place,) = await committer.append([entry(key)], patience_s)
    if isinstance(place, RejectedError):
        raise place
    return place


@pytest.mark.spec("REC-03")
async def test_many_in_one_transaction() -> None:
    """What waits while a transaction runs goes into the next ones together, in order, up to the batch size."""
    writer = MemoryWriter()
    async with committing(writer, opened=False) as committer:
        calls = [asyncio.create_task(append(committer, f"k{n:02}", 5)) for n in range(26)]
        await asyncio.sleep(0)
        writer.open.set()
        answers = await asyncio.gather(*calls)

    assert [answer.index for answer in answers] == list(range(26))
    assert len(writer.batches) <= 4
    assert max(map(len, writer.batches)) == 10


@pytest.mark.spec("T11")
async def test_absent_store_is_asked_again() -> None:
    """A store that comes back within the caller's patience costs nothing but time."""
    failures = iter([AWAY, WorldError(Kind.ABORTED, "WRITE_CONFLICT", "again"), None])

    def trouble(_: Sequence[Entry]) -> None:
        if failure := next(failures):
            raise failure

    async with committing(MemoryWriter(trouble)) as committer:
        assert (await append(committer, "k", 5)).index == 0


@pytest.mark.spec("T11")
async def test_nobody_is_answered_without_a_commit() -> None:
    """When patience ends first the caller learns that the evidence is not durable, and the next caller starts anew."""

    def trouble(entries: Sequence[Entry]) -> None:
        if entries[0].key == "lost":
            raise AWAY

    async with committing(MemoryWriter(trouble)) as committer:
        with pytest.raises(WorldError, match="EVIDENCE_UNAVAILABLE"):
            await append(committer, "lost", 0.05)
        assert (await append(committer, "found", 5)).index == 0


@pytest.mark.spec("REC-05")
@pytest.mark.parametrize("limits", [{"queue_records": 2}, {"queue_bytes": 2}])
async def test_full_queue(limits: dict[str, int]) -> None:
    """One record too many is refused at once; when the others are written there is room again."""
    writer = MemoryWriter()
    async with committing(writer, opened=False, **limits) as committer:
        calls = [asyncio.create_task(append(committer, key, 5)) for key in "ab"]
        await asyncio.sleep(0)
        with pytest.raises(WorldError) as raised:
            await append(committer, "c", 5)
        writer.open.set()
        await asyncio.gather(*calls)
        again = await append(committer, "c", 5)

    assert (raised.value.kind, raised.value.reason) == (Kind.EXHAUSTED, "QUEUE_FULL")
    assert raised.value.retry_after_s
    assert again.index == 2


async def test_bad_record_fails_alone() -> None:
    """A record that the store refuses takes none of its batch with it."""

    def trouble(entries: Sequence[Entry]) -> None:
        if any(e.key == "bad" for e in entries):
            raise RejectedError("no")

    writer = MemoryWriter(trouble)
    async with committing(writer, opened=False) as committer:
        calls = [asyncio.create_task(append(committer, key, 5)) for key in ("a", "bad", "b")]
        await asyncio.sleep(0)
        writer.open.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Written, RejectedError, Written]


async def test_log_that_would_fork_ends_the_committer() -> None:
    """The loop ends with the error, so that the process can end too."""

    def trouble(_: Sequence[Entry]) -> None:
        raise LogDivergedError("fork")

    writer = MemoryWriter(trouble)
    writer.open.set()
    committer = Committer(writer, SystemClock(), open_valve(), window=Window(), queue_records=9, queue_bytes=999)
    running = asyncio.create_task(committer.run())

    with pytest.raises(WorldError, match="EVIDENCE_UNAVAILABLE"):
        await append(committer, "k", 1.0)  # long enough for the committer to take it on a busy machine
    with pytest.raises(ExceptionGroup) as raised:
        await running
    assert raised.value.subgroup(LogDivergedError)


@pytest.mark.spec("REC-03", "REC-13")
async def test_records_that_came_together_are_written_together() -> None:
    """A group is never split over two transactions; a bad record in it is refused alone, in its place."""

    def trouble(entries: Sequence[Entry]) -> None:
        if any(e.key == "bad" for e in entries):
            raise RejectedError("no")

    writer = MemoryWriter(trouble)
    async with committing(writer) as committer:
        places = await committer.append([entry(f"k{n:02}") for n in range(30)], 5)
        mixed = await committer.append([entry("a"), entry("bad"), entry("b")], 5)

    assert [place.index for place in places if isinstance(place, Written)] == list(range(30))
    assert len(writer.batches[0]) == 30
    assert [type(place) for place in mixed] == [Written, RejectedError, Written]


async def test_perished_key_is_told_to_whom_it_concerns() -> None:
    """A batch whose key was destroyed is neither written nor repeated: its callers must seal anew."""

    def trouble(entries: Sequence[Entry]) -> None:
        if any(e.key == "stale" for e in entries):
            raise StaleKeysError

    async with committing(MemoryWriter(trouble)) as committer:
        with pytest.raises(StaleKeysError):
            await committer.append([entry("stale")], 5)
        assert (await append(committer, "fresh", 5)).index == 0


@pytest.mark.spec("REC-05")
async def test_store_without_room_is_not_pressed() -> None:
    """Who waits learns it at once and with the time to come again; whoever comes next does not reach the store."""

    def trouble(_: Sequence[Entry]) -> None:
        raise StoreFullError

    writer = MemoryWriter(trouble)
    async with committing(writer) as committer:
        for key in "ab":
            with pytest.raises(WorldError) as raised:
                await append(committer, key, 5)
            assert (raised.value.kind, raised.value.reason) == (Kind.EXHAUSTED, "STORE_FULL")
            assert raised.value.retry_after_s

    assert len(writer.batches) == 1


async def test_the_oldest_that_waits_is_told() -> None:
    """Its age is a metric that grows while nothing is committed, and falls to nothing with the last answer."""
    writer = MemoryWriter()
    clock = Clock()
    committer = Committer(writer, clock, open_valve(), window=Window(), queue_records=100, queue_bytes=1000)

    def age() -> float | None:
        return REGISTRY.get_sample_value("magistrate_recorder_oldest_waiting_seconds")

    assert age() == 0
    first = asyncio.create_task(append(committer, "a", 60))
    await asyncio.sleep(0)
    clock.seconds = 5.0
    second = asyncio.create_task(append(committer, "b", 60))
    await asyncio.sleep(0)
    clock.seconds = 7.0
    assert age() == 7

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert age() == 2
    running = asyncio.create_task(committer.run())
    writer.open.set()
    await second
    assert age() == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Clock(SystemClock):
    """A clock that is set."""

    seconds = 0.0

    def monotonic(self) -> float:
        """Return what it is set to."""
        return self.seconds
