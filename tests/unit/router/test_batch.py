"""Group commit: nobody waits for company, those who come meanwhile share a transaction, a bad item fails alone."""

import asyncio
from collections.abc import Sequence

import pytest

from services.chassis.errors import WorldError, unavailable
from services.router.adapters.ledger.batch import LARGEST, Batches, Json


class Writer:
    """Writes when it is told to."""

    def __init__(self) -> None:
        self.written: list[list[int]] = []
        self.going = asyncio.Semaphore(0)
        self.began = asyncio.Event()
        self.error: Exception | None = None

    async def write(self, items: Sequence[Json]) -> Sequence[Json]:
        """Keep what comes, once a test lets it go on."""
        self.began.set()
        await self.going.acquire()
        numbers = [item["n"] for item in items]
        if self.error and 13 in numbers:
            raise self.error
        self.written.append(numbers)
        return items

    def go(self, times: int = 1000) -> None:
        """Let so many transactions commit."""
        for _ in range(times):
            self.going.release()


async def test_what_comes_while_one_commits_shares_the_next() -> None:
    """The first goes alone and at once; the others come together, in their order."""
    writer = Writer()
    batches = Batches(writer.write)
    first = batches.put({"n": 0})
    await writer.began.wait()
    others = [batches.put({"n": n}) for n in range(1, 200)]
    writer.go()
    answers = await asyncio.gather(first, *others)

    assert [answer["n"] for answer in answers] == list(range(200))
    assert [len(batch) for batch in writer.written] == [1, LARGEST, 199 - LARGEST]


async def test_one_bad_item_fails_alone() -> None:
    """Its neighbours are written, and only its own caller hears of it."""
    writer = Writer()
    writer.error = ValueError("no such text")
    writer.go()
    batches = Batches(writer.write)
    answers = await asyncio.gather(*(batches.put({"n": n}) for n in range(12, 16)), return_exceptions=True)

    assert answers == [{"n": 12}, writer.error, {"n": 14}, {"n": 15}]


async def test_a_store_that_is_away_fails_all_of_a_batch_and_nothing_after_it() -> None:
    """Whoever shared the transaction hears it; the next one begins anew."""
    writer = Writer()
    writer.error = unavailable("STORE_UNAVAILABLE", "gone")
    writer.go()
    batches = Batches(writer.write)
    together = [batches.put({"n": n}) for n in (13, 14)]
    answers = await asyncio.gather(*together, return_exceptions=True)
    later = await batches.put({"n": 15})

    assert all(isinstance(answer, WorldError) for answer in answers)
    assert later == {"n": 15}


async def test_an_item_is_written_though_its_caller_left() -> None:
    """Nobody hears the answer; the next one in the queue does."""
    writer = Writer()
    batches = Batches(writer.write)
    left = batches.put({"n": 1})
    left.cancel()
    stayed = batches.put({"n": 2})
    writer.go()

    assert await stayed == {"n": 2}
    assert writer.written == [[1, 2]]
    with pytest.raises(asyncio.CancelledError):
        await left
