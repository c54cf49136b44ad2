"""Waiting for what may never answer."""

import asyncio

import pytest

from services.chassis.waiting import within


async def deaf(begun: asyncio.Event, heard: asyncio.Event) -> None:
    """Do not end when cancelled, as a driver does whose server hangs, until ``heard`` is set."""
    try:
        begun.set()
        await asyncio.Event().wait()
    finally:
        await heard.wait()


async def test_what_answers_is_answered() -> None:
    """The result comes through, and so does a failure."""

    async def fail() -> None:
        raise LookupError

    assert await within(60, asyncio.sleep(0, "answer")) == "answer"
    with pytest.raises(LookupError):
        await within(60, fail())


async def test_a_deaf_answerer_is_left_behind() -> None:
    """What does not even end when cancelled cannot hold up whoever waits."""
    begun, heard = asyncio.Event(), asyncio.Event()

    with pytest.raises(TimeoutError):
        await within(0.01, deaf(begun, heard))

    assert begun.is_set()
    heard.set()


async def test_a_cancelled_caller_is_free_at_once() -> None:
    """A caller that goes away does not wait for the deaf either."""
    begun, heard = asyncio.Event(), asyncio.Event()
    caller = asyncio.create_task(within(60, deaf(begun, heard)))
    await begun.wait()

    caller.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller
    heard.set()
