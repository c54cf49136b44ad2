"""Three adapters against the real llama.cpp server, which speaks their three formats: what the fake promises holds."""

import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from services.chassis.errors import Kind, MeshError
from services.provider.core.completion import Delta, End, Finish, Message, Prompt, Role, TokenCount
from services.provider.core.keys import Key
from services.provider.desk import Desk
from tests.unit.provider.wiring import CALL, KEY, FixedKeys, desk

PROMPT = Prompt(
    model="smollm2-135m",
    messages=(Message(role=Role.USER, text="Say hello in three words."),),
    max_tokens=12,
    temperature=0.0,
)
STRUCTURED = replace(
    PROMPT,
    max_tokens=24,
    json_schema=json.dumps(
        {
            "type": "object",
            "properties": {"7d1f40c2": {"type": "boolean"}},
            "required": ["7d1f40c2"],
            "additionalProperties": False,
        }
    ),
)
_RULES = Message(role=Role.SYSTEM, text="Be brief.")
_REPLY = Message(role=Role.ASSISTANT, text="Good morning to you!")
CONVERSATIONS = (
    PROMPT.messages,
    (_RULES, *PROMPT.messages),
    (_RULES, *PROMPT.messages, _REPLY, Message(role=Role.USER, text="And in German: grüße mich, bitte, 2026-01-01.")),
)


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """Start the server on a free port and wait until its model is loaded."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = str(Path(__file__).with_name("llama_server.py"))
    arguments = [sys.executable, program, str(port), KEY]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            transport = httpx.HTTPTransport(retries=8)
            with httpx.Client(transport=transport, trust_env=False, timeout=30.0) as client:
                while client.get(f"http://127.0.0.1:{port}/health").status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    assert process.poll() is None
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


@pytest.fixture(params=["local", "openai", "anthropic"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Name the adapter under test."""
    return str(request.param)


@pytest.fixture
async def vendor(dialect: str, server_url: str) -> AsyncIterator[Desk]:
    """Yield the adapter pointed at the server."""
    # The server closes its connections after a stream without a word; of these adapters only that of local expects it.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as client:
        yield desk(dialect, client, server_url, attempt_s=60.0)


@pytest.mark.spec("PRV-01")
async def test_it_answers_with_counted_tokens(vendor: Desk) -> None:
    """A real model writes, and its own counts arrive."""
    completion = await vendor.generate(PROMPT, CALL)

    assert completion.text
    assert completion.model == "smollm2-135m"
    assert completion.finish in {Finish.STOP, Finish.LENGTH}
    assert 1 <= completion.usage.completion_tokens <= 12
    assert not completion.usage.estimated


@pytest.mark.spec("PRV-01")
async def test_it_says_that_the_cap_ended_the_answer(vendor: Desk) -> None:
    """One token is written, and the reason is told."""
    completion = await vendor.generate(replace(PROMPT, max_tokens=1), CALL)

    assert (completion.finish, completion.usage.completion_tokens) == (Finish.LENGTH, 1)


@pytest.mark.spec("PRV-13")
async def test_it_streams_the_answer_that_it_gives_whole(vendor: Desk) -> None:
    """The pieces of a greedy answer are the greedy answer."""
    whole = await vendor.generate(PROMPT, CALL)
    *events, end = [event async for event in vendor.stream(PROMPT, CALL)]

    assert "".join(event.text for event in events if isinstance(event, Delta)) == whole.text
    assert isinstance(end, End)
    assert (end.finish, end.usage) == (whole.finish, whole.usage)


@pytest.mark.spec("PRV-05")
@pytest.mark.parametrize("messages", CONVERSATIONS, ids=["one", "with rules", "a dialogue"])
async def test_it_counts_before_the_call_what_it_reports_after_it(vendor: Desk, messages: tuple[Message, ...]) -> None:
    """To the token: the count before the call has the chat template in it."""
    before = await vendor.count_tokens(messages, PROMPT.model)
    after = (await vendor.generate(replace(PROMPT, messages=messages), CALL)).usage.prompt_tokens

    assert before == TokenCount(tokens=after, estimated=False)


@pytest.mark.spec("PRV-15")
@pytest.mark.parametrize("dialect", ["local", "openai"])
async def test_an_answer_follows_its_schema(vendor: Desk) -> None:
    """The server lets its model write nothing else."""
    completion = await vendor.generate(STRUCTURED, CALL)

    assert set(json.loads(completion.text)) == {"7d1f40c2"}


@pytest.mark.spec("PRV-15")
@pytest.mark.parametrize("dialect", ["anthropic"])
async def test_an_answer_that_ignores_the_forced_tool_is_found_out(vendor: Desk) -> None:
    """This server's model knows no tools and writes prose; the caller never gets it for what was asked."""
    with pytest.raises(MeshError) as caught:
        await vendor.generate(STRUCTURED, CALL)

    assert caught.value.reason == "PROVIDER_MALFORMED"


@pytest.mark.parametrize("dialect", ["local", "anthropic"])
async def test_it_goes_on_from_a_partial_answer(vendor: Desk) -> None:
    """The model counts on where it is told that it was, and does not begin anew."""
    asked = (Message(role=Role.USER, text="Count from one to nine."),)
    begun = replace(PROMPT, model="claude-haiku-4-5", messages=asked, partial="1, 2, 3, 4, 5,")
    completion = await vendor.generate(begun, CALL)

    assert completion.text.strip().startswith("6")


async def test_calls_right_after_each_other_all_succeed(server_url: str) -> None:
    """The real server closes its connection after each stream; no call of the adapter for it meets the closing one."""
    short = replace(PROMPT, max_tokens=1)
    async with httpx.AsyncClient(trust_env=False) as client:
        vendor = desk("local", client, server_url, attempt_s=60.0)
        answers = [await vendor.generate(short, CALL) for _ in range(40)]

    assert all(answer.text for answer in answers)


async def test_its_error_for_a_prompt_that_does_not_fit_is_recognised(vendor: Desk) -> None:
    """Too long for this model is told apart from every other refusal."""
    long = replace(PROMPT, messages=(Message(role=Role.USER, text="word " * 6000),))
    with pytest.raises(MeshError) as caught:
        await vendor.generate(long, CALL)

    assert (caught.value.kind, caught.value.reason) == (Kind.ABORTED, "PROVIDER_PROMPT_TOO_LONG")


async def test_a_wrong_key_is_recognised(dialect: str, server_url: str) -> None:
    """The real server refuses it, and the refusal is the adapter's."""
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(MeshError) as caught:
            await desk(dialect, client, server_url, keys=FixedKeys(keys=(Key("wrong"),))).generate(PROMPT, CALL)

    assert caught.value.reason == "PROVIDER_CREDENTIALS_REJECTED"


async def test_it_is_healthy_and_lists_its_model(vendor: Desk) -> None:
    """The light look finds the loaded model."""
    health = await vendor.health()

    assert health.healthy
    assert "smollm2-135m" in health.models


@pytest.mark.spec("PRV-20")
async def test_it_answers_after_a_cancelled_call(vendor: Desk) -> None:
    """A loser that hung up leaves the server and the pool as they were."""
    stream = vendor.stream(replace(PROMPT, max_tokens=2000), CALL)
    await anext(stream)
    await stream.aclose()
    completion = await vendor.generate(PROMPT, CALL)

    assert completion.text
