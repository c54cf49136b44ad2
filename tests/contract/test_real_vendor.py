"""The local adapter against the real llama.cpp server: what the fake promises, the real thing keeps."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from services.chassis.errors import Kind, MeshError
from services.provider.core.completion import Delta, End, Finish, Message, Prompt, Role
from services.provider.core.keys import Key
from services.provider.desk import Desk
from tests.unit.provider.wiring import CALL, KEY, FixedKeys, desk

PROMPT = Prompt(
    model="smollm2-135m",
    messages=(Message(role=Role.USER, text="Say hello in three words."),),
    max_tokens=12,
    temperature=0.0,
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


@pytest.fixture
async def vendor(server_url: str) -> AsyncIterator[Desk]:
    """Return the adapter pointed at the server."""
    async with httpx.AsyncClient(trust_env=False) as client:
        yield desk("local", client, server_url, attempt_s=60.0)


@pytest.mark.spec("PRV-01")
async def test_it_answers_with_counted_tokens(vendor: Desk) -> None:
    """A real model writes, and its own counts arrive."""
    completion = await vendor.generate(PROMPT, CALL)

    assert completion.text
    assert completion.model == "smollm2-135m"
    assert completion.finish in {Finish.STOP, Finish.LENGTH}
    assert 1 <= completion.usage.completion_tokens <= 12
    assert not completion.usage.estimated


@pytest.mark.spec("PRV-13")
async def test_it_streams_the_answer_that_it_gives_whole(vendor: Desk) -> None:
    """The pieces of a greedy answer are the greedy answer."""
    whole = await vendor.generate(PROMPT, CALL)
    *deltas, end = [event async for event in vendor.stream(PROMPT, CALL)]

    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == whole.text
    assert isinstance(end, End)
    assert end.usage.completion_tokens == whole.usage.completion_tokens


@pytest.mark.spec("PRV-05")
async def test_its_tokenizer_counts_what_it_later_reports(vendor: Desk) -> None:
    """The count before the call is within the chat template's few tokens of the count after it."""
    before = await vendor.count_tokens(PROMPT.messages, PROMPT.model)
    after = (await vendor.generate(PROMPT, CALL)).usage.prompt_tokens

    assert not before.estimated
    assert 0 < before.tokens <= after <= before.tokens + 40


async def test_calls_right_after_each_other_all_succeed(vendor: Desk) -> None:
    """The real server closes its connection after each stream; no call meets the closing one."""
    short = replace(PROMPT, max_tokens=1)
    answers = [await vendor.generate(short, CALL) for _ in range(40)]

    assert all(answer.text for answer in answers)


async def test_its_error_for_a_prompt_that_does_not_fit_is_recognised(vendor: Desk) -> None:
    """Too long for this model is told apart from every other refusal."""
    long = replace(PROMPT, messages=(Message(role=Role.USER, text="word " * 6000),))
    with pytest.raises(MeshError) as caught:
        await vendor.generate(long, CALL)

    assert (caught.value.kind, caught.value.reason) == (Kind.ABORTED, "PROVIDER_PROMPT_TOO_LONG")


async def test_a_wrong_key_is_recognised(server_url: str) -> None:
    """The real server refuses it, and the refusal is the adapter's."""
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(MeshError) as caught:
            await desk("local", client, server_url, keys=FixedKeys(keys=(Key("wrong"),))).generate(PROMPT, CALL)

    assert caught.value.reason == "PROVIDER_CREDENTIALS_REJECTED"


async def test_it_is_healthy_and_lists_its_model(vendor: Desk) -> None:
    """The light look finds the loaded model."""
    health = await vendor.health()

    assert health.healthy
    assert "smollm2-135m" in health.models


@pytest.mark.spec("PRV-20")
async def test_it_answers_after_a_cancelled_call(vendor: Desk) -> None:
    """A loser that hung up leaves the server and the pool as they were."""
    running = asyncio.create_task(anext(vendor.stream(replace(PROMPT, max_tokens=2000), CALL)))
    await running
    await vendor.stream(PROMPT, CALL).aclose()
    completion = await vendor.generate(PROMPT, CALL)

    assert completion.text
