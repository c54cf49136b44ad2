"""Results come as they are ready, and nothing is left running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from services.recorder.writing.unordered import in_any_order


async def numbers(count: int, taken: list[int] | None = None) -> AsyncIterator[int]:
    """Yield numbers and note each that was taken."""
    for n in range(count):
        if taken is not None:
            taken.append(n)
        yield n


async def test_fast_ones_first() -> None:
    """A slow item does not hold up the ones behind it."""
    slow = asyncio.Event()

    async def work(n: int) -> int:
        if n == 0:
            await slow.wait()
        return n

    seen = list[int]()
    async for n in in_any_order(numbers(3), work, limit=3):
        seen.append(n)
        if len(seen) == 2:
            slow.set()

    assert seen == [1, 2, 0]


async def test_sender_is_slowed_down() -> None:
    """At the limit nothing more is taken."""
    taken, gate = list[int](), asyncio.Event()

    async def work(n: int) -> int:
        await gate.wait()
        return n

    async with aclosing(in_any_order(numbers(100, taken), work, limit=4)) as results:
        first = asyncio.create_task(anext(results))
        await asyncio.wait([first], timeout=0.05)
        assert len(taken) == 5
        gate.set()
        assert [await first, *[n async for n in results]] == list(range(100))


async def test_failure_is_raised() -> None:
    """A failing item ends the stream with its error."""

    async def work(n: int) -> int:
        raise ValueError(n)

    with pytest.raises(ValueError, match="0"):
        [n async for n in in_any_order(numbers(1), work, limit=1)]


async def test_closing_cancels() -> None:
    """Whoever stops listening stops the work."""
    cancelled, both_began = set[int](), asyncio.Event()

    async def work(n: int) -> int:
        if n == 0:
            await both_began.wait()
            return n
        try:
            if n == 2:
                both_began.set()
            await asyncio.Event().wait()
        finally:
            cancelled.add(n)
        return n

    async with aclosing(in_any_order(numbers(3), work, limit=3)) as results:
        await anext(results)

    assert cancelled == {1, 2}
