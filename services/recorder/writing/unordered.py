"""Work on a stream of items side by side and hand out results as they come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


async def in_any_order(
    items: AsyncIterator[_Item], work: Callable[[_Item], Awaitable[_Result]], *, limit: int
) -> AsyncGenerator[_Result, None]:
    """Yield ``work(item)`` of every item, in order of completion, with at most ``limit`` in progress.

    At the limit no further item is taken, so that a fast sender is slowed down and not stored. A failure of ``items``
    or ``work`` is raised after the results before it; closing the iterator cancels what is in progress.
    """
    results = asyncio.Queue[_Result | BaseException | None]()
    pump = asyncio.create_task(_pump(items, work, results, limit))
    try:
        while (result := await results.get()) is not None:
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


async def _pump(
    items: AsyncIterator[_Item],
    work: Callable[[_Item], Awaitable[_Result]],
    results: asyncio.Queue[_Result | BaseException | None],
    limit: int,
) -> None:
    free = asyncio.Semaphore(limit)

    async def one(item: _Item) -> None:
        try:
            results.put_nowait(await work(item))
        finally:
            free.release()

    try:
        async with asyncio.TaskGroup() as group:
            async for item in items:
                await free.acquire()
                group.create_task(one(item))
    except* Exception as failures:  # noqa: BLE001 - the consumer raises it
        results.put_nowait(failures.exceptions[0])
    results.put_nowait(None)
