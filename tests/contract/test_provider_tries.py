"""The tries of a call as its adapter tells them: with the answer, and to whoever asks."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magistrate.common.v1.usage_pb2 import (
    ATTEMPT_OUTCOME_CANCELLED,
    ATTEMPT_OUTCOME_FAILED,
    ATTEMPT_OUTCOME_UNKNOWN,
    ATTEMPT_OUTCOME_WON,
)
from magistrate.provider.v1 import provider_pb2 as pb
from services.chassis.errors import MeshError
from tests.contract.providing import Stub, ask, generation, heard, provider, wired
from tests.fakes.vendors import WORDS, Answer, FakeVendor, Refusal, Silence


async def drain(stub: Stub, request: pb.Generation) -> None:
    """Read a stream to its end."""
    async for _ in stub.GenerateStream(pb.GenerateStreamRequest(generation=request)):
        pass


async def ended(stub: Stub, call_id: str) -> pb.GetAttemptsResponse:
    """Return the tries of a call once none of them runs any more."""
    while (told := await stub.GetAttempts(pb.GetAttemptsRequest(call_id=call_id))).running:
        pass
    return told


@pytest.mark.spec("PRV-15", "T18")
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_brings_the_tries_that_it_took(streamed: bool) -> None:
    """Who pays for the call need not ask for them: each with its end, its key and its first token."""
    request = generation()
    request.call_id = "call-1"
    async with FakeVendor() as fake, provider(fake) as stub:
        if streamed:
            pieces = stub.GenerateStream(pb.GenerateStreamRequest(generation=request))
            reply = [piece async for piece in pieces][-1].summary
        else:
            reply = await stub.Generate(pb.GenerateRequest(generation=request))
        told = await stub.GetAttempts(pb.GetAttemptsRequest(call_id="call-1"))

    (won,) = reply.attempts
    assert won.outcome == ATTEMPT_OUTCOME_WON
    assert won.key_fingerprint
    assert won.first_token_after.ToNanoseconds() > 0
    assert list(told.attempts) == [won]


@pytest.mark.spec("PRV-15")
async def test_an_answer_that_had_to_be_mended_brings_both_tries() -> None:
    """The first is paid and has failed; what each has read and written adds up to the usage of the answer."""
    request = generation()
    request.call_id, request.json_schema = "call-2", '{"type": "object"}'
    async with FakeVendor(script=[Answer(), Answer(words=("{}",))]) as fake, provider(fake) as stub:
        reply = await stub.Generate(pb.GenerateRequest(generation=request))

    spoilt, won = reply.attempts
    assert (spoilt.outcome, spoilt.reason) == (ATTEMPT_OUTCOME_FAILED, "PROVIDER_MALFORMED")
    assert (won.outcome, spoilt.usage.estimated) == (ATTEMPT_OUTCOME_WON, False)
    assert spoilt.usage.output_tokens + won.usage.output_tokens == reply.usage.output_tokens


@pytest.mark.spec("PRV-01")
async def test_the_tries_of_a_call_are_remembered() -> None:
    """An answered and a refused try of one call are told apart, with what each read and wrote; others stay out."""
    request = generation()
    request.call_id = "call-7"
    async with FakeVendor(script=[Refusal(status=429), Answer()]) as fake, provider(fake) as stub:
        with pytest.raises(MeshError):
            await ask(stub, request, streamed=False)
        await ask(stub, request, streamed=False)
        await ask(stub, generation(), streamed=False)
        told = await stub.GetAttempts(pb.GetAttemptsRequest(call_id="call-7"))

    refused, won = told.attempts
    assert (refused.outcome, refused.reason) == (ATTEMPT_OUTCOME_FAILED, "PROVIDER_RATE_LIMITED")
    assert not refused.HasField("first_token_after")
    assert (refused.usage.input_tokens, refused.usage.output_tokens) == (0, 0)
    assert (won.outcome, won.provider, won.model) == (ATTEMPT_OUTCOME_WON, "openai", "gpt-4-turbo")
    assert (won.usage.output_tokens, won.usage.estimated) == (len(WORDS), False)
    assert 0 < won.first_token_after.ToNanoseconds() <= won.duration.ToNanoseconds()
    assert told.remembers_since.ToDatetime() <= refused.started_at.ToDatetime() <= won.started_at.ToDatetime()
    assert told.running == 0


@pytest.mark.spec("T18", "PRV-20")
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_try_that_was_taken_back_is_counted_by_what_had_come(streamed: bool) -> None:
    """While it runs it is told as running; cancelled, it costs its prompt and the pieces that had come."""
    request = generation()
    request.call_id = "call-8"
    async with FakeVendor(script=[Answer(stall_after=3)]) as fake, wired(fake) as (stub, servicer):
        running = asyncio.create_task(drain(stub, request) if streamed else ask(stub, request, streamed=False))
        await fake.stalled.wait()
        await heard(servicer.desk, "call-8", pieces=3)
        during = await stub.GetAttempts(pb.GetAttemptsRequest(call_id="call-8"))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await fake.cancelled.wait()
        after = await ended(stub, "call-8")

    assert (during.running, len(during.attempts)) == (1, 0)
    (lost,) = after.attempts
    assert (lost.outcome, lost.reason) == (ATTEMPT_OUTCOME_CANCELLED, "")
    assert (lost.usage.input_tokens, lost.usage.output_tokens, lost.usage.estimated) == (6, 4, True)
    assert lost.HasField("first_token_after")


@pytest.mark.spec("T18")
@given(turns=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
async def test_no_moment_of_a_cancellation_loses_a_try(turns: int) -> None:
    """Wherever the proxy takes a call back, each of the vendor's calls has its try in the book, and each has ended."""
    request = generation()
    request.call_id = "call-9"
    async with FakeVendor(script=[Answer()]) as fake, provider(fake) as stub:
        running = asyncio.create_task(ask(stub, request, streamed=False))
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        told = await ended(stub, "call-9")

    assert told.running == 0
    assert len(told.attempts) >= len(fake.calls)
    assert all(attempt.outcome != ATTEMPT_OUTCOME_UNKNOWN for attempt in told.attempts)


@pytest.mark.spec("PRV-02")
async def test_a_try_whose_time_was_over_failed() -> None:
    """Nobody took it back: it was too slow."""
    request = generation()
    request.call_id = "call-10"
    async with FakeVendor(script=[Silence()]) as fake, provider(fake, attempt_s=600.0) as stub:
        # On a busy machine the time may be over before the vendor was even asked.
        while not fake.arrived.is_set():
            with pytest.raises(MeshError):
                await stub.Generate(pb.GenerateRequest(generation=request), timeout=0.2)
        await fake.cancelled.wait()
        told = await ended(stub, "call-10")

    late = told.attempts[-1]
    assert late.outcome == ATTEMPT_OUTCOME_FAILED
    assert late.reason == "DEADLINE_EXPIRED"
    assert late.usage.input_tokens == 6


async def test_the_tries_of_no_call_cannot_be_asked_for() -> None:
    """The call must be named; one that nobody knows has none."""
    async with FakeVendor() as fake, provider(fake) as stub:
        with pytest.raises(MeshError) as caught:
            await stub.GetAttempts(pb.GetAttemptsRequest())
        told = await stub.GetAttempts(pb.GetAttemptsRequest(call_id="nobody"))

    assert caught.value.reason == "FIELD_REQUIRED"
    assert (len(told.attempts), told.running) == (0, 0)
