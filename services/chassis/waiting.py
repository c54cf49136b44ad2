"""Wait for an answer no longer than it may take, whatever the one who should give it does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Answer = TypeVar("_Answer")
_left = set[asyncio.Task[Any]]()
"""Work that was left behind; the event loop itself holds tasks too weakly."""


async def within(seconds: float, work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Return what ``work`` returns, if it does within ``seconds``; the caller's own cancellation ends the wait too.

    Late work is cancelled and left behind instead of awaited to its end, as `asyncio.timeout` would: a database driver
    whose server hangs also hangs when its work is cancelled, because it waits for the server to confirm.

    Raises:
        TimeoutError: ``work`` was not done in time; it may still take effect.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            _leave(task)
    if not done:
        raise TimeoutError
    return task.result()


def _leave(task: asyncio.Task[Any]) -> None:
    task.cancel()
    _left.add(task)
    task.add_done_callback(_forget)


def _forget(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()  # asked for, so that the loop does not report it as never retrieved
