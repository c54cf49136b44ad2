"""A recorder that dies by its own hand: `python -m tests.e2e.recorder.armed recorder`, told by two variables.

CRASH_AT names the point of the write path, CRASH_AFTER how often it is passed before. The process ends as if the power
had gone: nothing is flushed, closed or answered.
"""

import asyncio
import os
import runpy
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from asyncpg.transaction import Transaction

from services.recorder.adapters import writer
from services.recorder.writing import committer

KILLED = 137
_passes = int(os.environ.get("CRASH_AFTER", "0"))


def die_when_due() -> None:
    """End the process at the right pass."""
    global _passes  # noqa: PLW0603 - one process, one count
    _passes -= 1
    if _passes < 0:
        os._exit(KILLED)


def before(action: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Die before ``action`` begins."""

    async def armed(*args: Any, **kwargs: Any) -> Any:
        die_when_due()
        return await action(*args, **kwargs)

    return armed


def after(action: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Die after ``action`` has ended."""

    async def armed(*args: Any, **kwargs: Any) -> Any:
        result = await action(*args, **kwargs)
        die_when_due()
        return result

    return armed


def once_sent(action: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Die when what ``action`` sends has left the process and its answer has not come."""

    async def armed(*args: Any, **kwargs: Any) -> Any:
        sending = asyncio.ensure_future(action(*args, **kwargs))
        await asyncio.sleep(0)
        die_when_due()
        return await sending

    return armed


POINTS: dict[str, tuple[Any, str, Any]] = {
    "before enqueue": (committer.Committer, "append", before),
    "before begin": (writer.PostgresWriter, "append", before),
    "after head lock": (writer, "lock", after),
    "after insert": (writer, "insert", after),
    "commit sent": (Transaction, "commit", once_sent),
    "after commit": (writer.PostgresWriter, "append", after),
}

if __name__ == "__main__":
    owner, name, arm = POINTS[os.environ["CRASH_AT"]]
    # asyncpg ends a transaction by this private name; the public one is for those who end it by hand.
    if owner is Transaction:
        name = "_Transaction__commit"
    setattr(owner, name, arm(getattr(owner, name)))
    sys.argv = ["services", *sys.argv[1:]]
    runpy.run_module("services", run_name="__main__", alter_sys=True)
