"""Streams of every adapter: tokens as they come, one end, and a fault that is told after what was sent."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import Kind, MeshError
from services.provider.core.completion import Delta, End, Event, Finish, Opened
from tests.fakes.vendors import WORDS, Answer, FakeVendor, Junk, Refusal, Step
from tests.unit.provider.wiring import CALL, PROMPT, desk, read


@pytest.mark.spec("PRV-13")
async def test_a_stream_yields_each_token_and_one_end(dialect: str, client: httpx.AsyncClient) -> None:
    """Tokens come one by one; the end carries model, finish and usage."""
    events: list[Event] = []
    async with FakeVendor() as fake:
        await read(desk(dialect, client, fake.base_url), events)

    *deltas, end = events
    assert [delta.text for delta in deltas if isinstance(delta, Delta)] == list(WORDS)
    assert isinstance(end, End)
    assert (end.model, end.finish, end.usage.completion_tokens) == ("gpt-4-turbo", Finish.STOP, len(WORDS))
    assert not end.usage.estimated


@pytest.mark.spec("PRV-13")
async def test_the_first_token_comes_before_the_last_is_written(dialect: str, client: httpx.AsyncClient) -> None:
    """A stream that stalls has delivered its first tokens already, and leaving it hangs up."""
    async with FakeVendor(script=[Answer(stall_after=2)]) as fake:
        stream = desk(dialect, client, fake.base_url).stream(PROMPT, CALL)
        first = await anext(stream)
        if isinstance(first, Opened):
            first = await anext(stream)
        waiting = asyncio.create_task(_drain(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await fake.cancelled.wait()

    assert first == Delta(text=WORDS[0])


async def _drain(stream: AsyncIterator[Event]) -> None:
    async for _ in stream:
        pass


@pytest.mark.spec("PRV-14")
@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Answer(cut_after=3), "PROVIDER_UNAVAILABLE"),
        (Answer(junk_after=3), "PROVIDER_MALFORMED"),
        (Answer(error_after=3), "PROVIDER_UNAVAILABLE"),
        (Answer(stall_after=3), "PROVIDER_UNAVAILABLE"),
    ],
    ids=["cut", "junk", "error", "stall"],
)
async def test_a_stream_that_breaks_says_so_after_what_it_sent(
    dialect: str, client: httpx.AsyncClient, step: Step, reason: str
) -> None:
    """The tokens before the fault arrive; then the error; never an end that is none."""
    events: list[Event] = []

    def remaining_s() -> float | None:
        return 0.05 if fake.stalled.is_set() and len(events) == 3 else None

    async with FakeVendor(script=[step]) as fake:
        with pytest.raises(MeshError) as caught:
            await read(desk(dialect, client, fake.base_url, remaining_s=remaining_s), events)

    assert events == [Delta(text=word) for word in WORDS[:3]]
    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "STREAM_BROKEN")
    assert caught.value.metadata["cause"] == reason
    assert caught.value.metadata["sent_characters"] == str(len("".join(WORDS[:3])))


async def test_a_refused_stream_fails_before_its_first_event(dialect: str, client: httpx.AsyncClient) -> None:
    """A refusal is told apart from a broken stream: nothing was sent, so Envoy may still move on."""
    events: list[Event] = []
    async with FakeVendor(script=[Refusal(status=429, retry_after="3")]) as fake:
        with pytest.raises(MeshError) as caught:
            await read(desk(dialect, client, fake.base_url), events)

    assert events == []
    assert (caught.value.reason, caught.value.retry_after_s) == ("PROVIDER_RATE_LIMITED", 3.0)


async def test_a_stream_without_a_word_fails_before_its_first_event(dialect: str, client: httpx.AsyncClient) -> None:
    """An empty stream may still be answered by another provider."""
    events: list[Event] = []
    async with FakeVendor(script=[Answer(words=())]) as fake:
        with pytest.raises(MeshError) as caught:
            await read(desk(dialect, client, fake.base_url), events)

    assert events == []
    assert caught.value.reason == "PROVIDER_MALFORMED"


@pytest.mark.spec("PRV-14")
async def test_an_endless_line_does_not_fill_the_memory(dialect: str, client: httpx.AsyncClient) -> None:
    """Of what can be no answer any more no further byte is read."""
    async with FakeVendor(script=[Junk(body=b" " * 9_000_000)]) as fake:
        with pytest.raises(MeshError, match="more than an answer can be") as caught:
            await desk(dialect, client, fake.base_url).generate(PROMPT, CALL)

    assert caught.value.reason == "PROVIDER_MALFORMED"


@pytest.mark.spec("PRV-02", "PRV-13")
async def test_a_slow_drip_is_no_stall(dialect: str, client: httpx.AsyncClient) -> None:
    """A stream may last longer than the patience as long as something keeps coming; a whole answer may not."""
    events: list[Event] = []
    async with FakeVendor() as fake:
        vendor = desk(dialect, client, fake.base_url, clock=HurriedClock())
        await read(vendor, events)
        with pytest.raises(MeshError) as caught:
            await vendor.generate(PROMPT, CALL)

    assert len(events) == len(WORDS) + 1
    assert caught.value.metadata["cause"] == "timeout"


class HurriedClock(SystemClock):
    """An hour goes by whenever it is looked at."""

    def __init__(self) -> None:
        self._looks = 0

    def monotonic(self) -> float:
        """Return the next hour, in seconds."""
        self._looks += 1
        return 3600.0 * self._looks


@pytest.mark.spec("PRV-14")
@pytest.mark.parametrize("fragment", [1, 2, 3, 7, 11])
async def test_an_event_may_be_cut_anywhere(dialect: str, client: httpx.AsyncClient, fragment: int) -> None:
    """Byte by byte, and in pieces of every other kind, an answer arrives as it was written."""
    words = ("größe ", "\U0001f600", " ok")
    async with FakeVendor(script=[Answer(words=words, fragment=fragment)]) as fake:
        completion = await desk(dialect, client, fake.base_url).generate(PROMPT, CALL)

    assert completion.text == "".join(words)
    assert completion.usage.completion_tokens == len(words)
