"""Several prompts with one call: a few at a time, none sees another, and one that fails takes none with it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from services.chassis.errors import MeshError

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Works on the items of a batch."""

    at_once: int
    """Items of one batch that are worked on side by side."""

    async def run(
        self, items: Iterable[_Item], answer: Callable[[_Item], Awaitable[_Answer]]
    ) -> list[_Answer | MeshError]:
        """Return for each item its answer, or why there is none."""
        slots = asyncio.Semaphore(self.at_once)

        async def one(item: _Item) -> _Answer | MeshError:
            async with slots:
                try:
                    return await answer(item)
                except MeshError as error:
                    return error

        # A task group, so that a caller who leaves takes every running item with him.
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
        return [task.result() for task in tasks]
