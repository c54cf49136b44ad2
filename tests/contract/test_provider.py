"""ProviderService on the wire: every RPC and every reason, through the full chain, before a fake vendor."""

import asyncio
from collections.abc import Callable

import pytest

from magistrate.common.v1.error_pb2 import ErrorReason
from magistrate.provider.v1 import provider_pb2 as pb
from services.chassis.errors import Kind, MeshError
from tests.contract.providing import TEXT, ask, generation, provider, read, start
from tests.fakes.vendors import CONTEXT_TOO_LONG, WORDS, Answer, FakeVendor, Junk, Refusal, Silence, Step


@pytest.mark.spec("PRV-01")
async def test_generate_returns_the_answer_and_its_facts() -> None:
    """One reply has text, provider, model asked, version that answered, usage, finish and duration."""
    async with FakeVendor() as fake, provider(fake) as stub:
        reply = await stub.Generate(pb.GenerateRequest(generation=generation()))

    assert (reply.text, reply.provider, reply.model) == (TEXT, "openai", "gpt-4-turbo")
    assert reply.model_version == "gpt-4-turbo"
    assert (reply.usage.output_tokens, reply.usage.estimated) == (len(WORDS), False)
    assert reply.finish_reason == pb.FINISH_REASON_STOP
    assert reply.duration.ToNanoseconds() > 0


async def test_a_provider_that_the_request_does_not_name_uses_its_default_model() -> None:
    """Each provider of a hedged order takes its own model out of the one request."""
    request = generation()
    del request.models["openai"]
    async with FakeVendor() as fake, provider(fake) as stub:
        await stub.Generate(pb.GenerateRequest(generation=request))

    assert fake.calls[0].json()["model"] == "default-model"


@pytest.mark.spec("PRV-15")
async def test_temperature_seed_and_schema_reach_the_vendor() -> None:
    """Optional parts are sent as they were given, and left out otherwise."""
    request = generation()
    request.temperature, request.seed, request.json_schema = 0.0, 7, '{"type": "object"}'
    async with FakeVendor(script=[Answer(), Answer(words=("{}",))]) as fake, provider(fake) as stub:
        await stub.Generate(pb.GenerateRequest(generation=generation()))
        await stub.Generate(pb.GenerateRequest(generation=request))

    bare, full = (sent.json() for sent in fake.calls)
    assert not {"temperature", "seed", "response_format"} & set(bare)
    assert (full["temperature"], full["seed"]) == (0.0, 7)
    assert full["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
    }


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("stop", pb.FINISH_REASON_STOP),
        ("length", pb.FINISH_REASON_LENGTH),
        ("content_filter", pb.FINISH_REASON_FILTERED),
        ("something_new", pb.FINISH_REASON_UNSPECIFIED),
    ],
)
async def test_the_finish_reason_is_told(finish: str, expected: int) -> None:
    """The vendor's word is translated; a new one is no error."""
    async with FakeVendor(script=[Answer(finish=finish)]) as fake, provider(fake) as stub:
        reply = await stub.Generate(pb.GenerateRequest(generation=generation()))

    assert reply.finish_reason == expected


def _spoilt(spoil: Callable[[pb.Generation], object]) -> pb.Generation:
    request = generation()
    spoil(request)
    return request


BAD_REQUESTS = {
    "no message": (_spoilt(lambda g: g.ClearField("messages")), "FIELD_REQUIRED", "generation.messages"),
    "no role": (generation(role=pb.MESSAGE_ROLE_UNSPECIFIED), "ENUM_UNKNOWN", "messages.role"),
    "no cap": (generation(cap=0), "FIELD_OUT_OF_RANGE", "generation.max_output_tokens"),
    "cap too high": (generation(cap=4001), "FIELD_OUT_OF_RANGE", "generation.max_output_tokens"),
    "too hot": (_spoilt(lambda g: setattr(g, "temperature", 2.1)), "FIELD_OUT_OF_RANGE", "generation.temperature"),
    "not a number": (
        _spoilt(lambda g: setattr(g, "temperature", float("nan"))),
        "FIELD_OUT_OF_RANGE",
        "generation.temperature",
    ),
    "no schema": (_spoilt(lambda g: setattr(g, "json_schema", "{")), "FIELD_MALFORMED", "generation.json_schema"),
}


@pytest.mark.parametrize(("request_", "reason", "field"), BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_bad_request_is_refused_before_it_costs_a_call(
    request_: pb.Generation, reason: str, field: str, streamed: bool
) -> None:
    """The field at fault is named and the vendor is not called."""
    async with FakeVendor() as fake, provider(fake) as stub:
        with pytest.raises(MeshError) as caught:
            await ask(stub, request_, streamed=streamed)

    assert (caught.value.kind, caught.value.reason) == (Kind.INVALID, reason)
    assert caught.value.metadata["field"] == field
    assert fake.calls == []


VENDOR_FAULTS: list[tuple[Step, Kind, str]] = [
    (Refusal(status=429, retry_after="2"), Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED"),
    (Refusal(status=503), Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE"),
    (Refusal(status=401), Kind.UNAVAILABLE, "PROVIDER_CREDENTIALS_REJECTED"),
    (Junk(), Kind.UNAVAILABLE, "PROVIDER_MALFORMED"),
    (Refusal(status=400, code=CONTEXT_TOO_LONG), Kind.ABORTED, "PROVIDER_PROMPT_TOO_LONG"),
    (Refusal(status=422), Kind.ABORTED, "PROVIDER_REJECTED"),
]


@pytest.mark.spec("PRV-03", "PRV-14")
@pytest.mark.parametrize(("step", "kind", "reason"), VENDOR_FAULTS, ids=[reason for *_, reason in VENDOR_FAULTS])
async def test_a_vendor_fault_crosses_the_wire_as_it_was_raised(step: Step, kind: Kind, reason: str) -> None:
    """Reason, provider and the vendor's wait arrive at the router, streamed or not."""
    async with FakeVendor(script=[step]) as fake:
        async with provider(fake) as stub:
            with pytest.raises(MeshError) as whole:
                await ask(stub, generation(), streamed=False)
        async with provider(fake) as stub:
            with pytest.raises(MeshError) as streamed:
                await ask(stub, generation(), streamed=True)

    for caught in (whole.value, streamed.value):
        assert (caught.kind, caught.reason) == (kind, reason)
        assert caught.metadata["provider"] == "openai"
        assert caught.retry_after_s == (2.0 if kind is Kind.EXHAUSTED else None)
        assert f"ERROR_REASON_{reason}" in ErrorReason.keys()  # noqa: SIM118 - an enum wrapper is no dict


@pytest.mark.spec("PRV-13")
async def test_a_stream_sends_tokens_and_then_one_summary() -> None:
    """Every token is a message; the last message has the facts and no text."""
    async with FakeVendor() as fake, provider(fake) as stub:
        stream = stub.GenerateStream(pb.GenerateStreamRequest(generation=generation()))
        *pieces, last = [message async for message in stream]

    assert [piece.text for piece in pieces] == list(WORDS)
    assert not any(piece.HasField("summary") for piece in pieces)
    assert (last.text, last.summary.text, last.summary.provider) == ("", "", "openai")
    assert last.summary.usage.output_tokens == len(WORDS)


@pytest.mark.spec("PRV-14")
async def test_a_stream_that_breaks_says_how_much_was_sent() -> None:
    """After the first token a failure is STREAM_BROKEN, with provider, characters and cause."""
    pieces: list[str] = []
    async with FakeVendor(script=[Answer(cut_after=3)]) as fake, provider(fake) as stub:
        with pytest.raises(MeshError) as caught:
            await read(stub, pieces)

    assert pieces == list(WORDS[:3])
    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "STREAM_BROKEN")
    assert caught.value.metadata["sent_characters"] == str(len("".join(WORDS[:3])))


@pytest.mark.spec("RTR-03")
async def test_nothing_is_sent_before_the_first_token() -> None:
    """Early metadata would end Envoy's hedging; a stalled vendor shows none, so a refusal still carries no headers."""
    async with FakeVendor(script=[Silence()]) as fake, provider(fake) as stub:
        stream = start(stub)
        headers = asyncio.create_task(stream.metadata())
        await fake.arrived.wait()
        stalled = headers.done()
        await stream.aclose()
        await asyncio.gather(headers, return_exceptions=True)

    assert not stalled


@pytest.mark.spec("PRV-20")
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_caller_that_leaves_takes_the_vendor_call_with_it(streamed: bool) -> None:
    """The loser of a race is cancelled down to the vendor's socket."""
    step = Answer(stall_after=2) if streamed else Silence()
    async with FakeVendor(script=[step]) as fake, provider(fake) as stub:
        if streamed:
            stream = start(stub)
            await anext(aiter(stream))
            await stream.aclose()
        else:
            running = asyncio.create_task(ask(stub, generation(), streamed=False))
            await fake.arrived.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await fake.cancelled.wait()

    assert fake.cancellations == 1


@pytest.mark.spec("PRV-02")
async def test_the_callers_deadline_reaches_the_vendor() -> None:
    """When the caller's time is over, the vendor call ends too."""
    async with FakeVendor(script=[Silence()]) as fake, provider(fake, attempt_s=600.0) as stub:
        # On a busy machine the time may be over before the vendor was even asked.
        while not fake.arrived.is_set():
            with pytest.raises(MeshError):
                await stub.Generate(pb.GenerateRequest(generation=generation()), timeout=0.2)
        await fake.cancelled.wait()

    assert fake.cancellations == 1


@pytest.mark.spec("PRV-05")
async def test_count_tokens_tells_whether_it_is_an_estimate() -> None:
    """llama.cpp counts, with what its template adds; for Ollama it is a quarter of the characters."""
    request = pb.CountTokensRequest(messages=generation(content="one two three").messages)
    async with FakeVendor() as fake:
        async with provider(fake, vendor="local") as stub:
            counted = await stub.CountTokens(request)
        async with provider(fake, vendor="ollama") as stub:
            estimated = await stub.CountTokens(request)

    assert (counted.tokens, counted.estimated) == (4, False)
    assert (estimated.tokens, estimated.estimated) == (4, True)


@pytest.mark.parametrize(
    ("messages", "key", "reason"),
    [
        ([], "", "FIELD_REQUIRED"),
        ([pb.Message(content="one")], "", "ENUM_UNKNOWN"),
        ([pb.Message(content="one", role=pb.MESSAGE_ROLE_USER)], "another", "PROVIDER_CREDENTIALS_REJECTED"),
    ],
)
async def test_what_cannot_be_counted_is_refused(messages: list[pb.Message], key: str, reason: str) -> None:
    """No message, one of nobody, and a vendor that rejects our key: none becomes a number."""
    async with FakeVendor(api_key=key) as fake, provider(fake) as stub:
        with pytest.raises(MeshError) as caught:
            await stub.CountTokens(pb.CountTokensRequest(messages=messages))

    assert caught.value.reason == reason


async def test_get_info_tells_a_healthy_vendor_from_a_sick_one() -> None:
    """A vendor that does not answer is an unhealthy provider, not an error."""
    async with FakeVendor() as fake, provider(fake, vendor="local") as stub:
        well = await stub.GetInfo(pb.GetInfoRequest())
        await fake.__aexit__()
        sick = await stub.GetInfo(pb.GetInfoRequest())
        await fake.__aenter__()

    assert (well.provider, list(well.models), well.default_model) == ("local", ["fake-model"], "default-model")
    assert well.healthy
    assert well.counts_tokens
    assert not sick.healthy


async def test_twenty_calls_in_flight_do_not_mix() -> None:
    """Concurrent calls over one pool get their own answers."""
    async with FakeVendor(script=[Answer(delay_s=0.02)]) as fake, provider(fake) as stub:
        requests = [generation(content=" ".join(["word"] * n)) for n in range(1, 21)]
        replies = await asyncio.gather(*(stub.Generate(pb.GenerateRequest(generation=g)) for g in requests))

    tokens = [reply.usage.input_tokens for reply in replies]
    assert tokens == sorted(tokens)
    assert len(set(tokens)) == 20


@pytest.mark.spec("PRV-16")
async def test_a_batch_answers_each_prompt_by_itself() -> None:
    """Five prompts, one bad and one that the vendor refuses: each has its own result, in order."""
    bad = generation(cap=0)
    script: list[Step] = [Answer(), Refusal(status=422), Answer(), Answer()]
    async with FakeVendor(script=script) as fake, provider(fake) as stub:
        request = pb.GenerateBatchRequest(generations=[generation(), bad, generation(), generation(), generation()])
        results = (await stub.GenerateBatch(request)).results

    assert results[1].reason == "FIELD_OUT_OF_RANGE"
    assert sorted(result.reason for result in results) == ["", "", "", "FIELD_OUT_OF_RANGE", "PROVIDER_REJECTED"]
    assert [result.response.text for result in results if not result.reason] == [TEXT] * 3
    assert len(fake.calls) == 4


@pytest.mark.parametrize(("count", "reason"), [(0, "FIELD_REQUIRED"), (21, "FIELD_TOO_LONG")])
async def test_a_batch_has_one_to_twenty_prompts(count: int, reason: str) -> None:
    """Others are refused before anything is paid."""
    async with FakeVendor() as fake, provider(fake) as stub:
        with pytest.raises(MeshError) as caught:
            await stub.GenerateBatch(pb.GenerateBatchRequest(generations=[generation()] * count))

    assert caught.value.reason == reason
    assert fake.calls == []
