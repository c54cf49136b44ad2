"""Work that runs side by side: when one part fails the others are cancelled, and that failure is raised as it is."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar, cast

_T = TypeVar("_T")
_First = TypeVar("_First")
_Second = TypeVar("_Second")


async def each(work: Iterable[Awaitable[_T]]) -> list[_T]:
    """Return what each part of ``work`` returns, in their order."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_wait(part)) for part in work]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def both(first: Awaitable[_First], second: Awaitable[_Second]) -> tuple[_First, _Second]:
    """Return what both return."""
    # A list has one type for all; here each place has its own.
    parts = cast("list[Awaitable[object]]", [first, second])
    return cast("tuple[_First, _Second]", tuple(await each(parts)))


async def _wait(work: Awaitable[_T]) -> _T:
    return await work
