"""One suite for every adapter: whatever the vendor does, the mesh sees the same."""

import asyncio
import contextlib
import json
from collections.abc import ItemsView
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from services.chassis.clock import SystemClock
from services.chassis.config import SecretFile
from services.chassis.errors import Kind, MeshError
from services.provider.adapters.key_file import KeyFile
from services.provider.adapters.openai import cap_field
from services.provider.core.completion import Finish, TokenCount
from services.provider.core.keys import Key
from tests.fakes.vendors import CONTEXT_TOO_LONG, WORDS, Answer, FakeVendor, Junk, Refusal, Silence, Step
from tests.unit.provider.wiring import CALL, KEY, PROMPT, FixedKeys, desk, read, replace_file


@pytest.mark.spec("PRV-01")
async def test_an_answer_comes_with_text_model_finish_and_counted_tokens(
    dialect: str, client: httpx.AsyncClient
) -> None:
    """A good reply is translated whole."""
    async with FakeVendor() as fake:
        completion = await desk(dialect, client, fake.base_url).generate(PROMPT, CALL)

    assert completion.text == "".join(WORDS)
    assert completion.model == "gpt-4-turbo"
    assert completion.finish is Finish.STOP
    assert completion.usage.completion_tokens == len(WORDS)
    assert not completion.usage.estimated


@pytest.mark.spec("PRV-01")
async def test_the_request_carries_everything_that_was_asked(dialect: str, client: httpx.AsyncClient) -> None:
    """Model, messages, cap, temperature and key arrive under the names that the vendor knows."""
    async with FakeVendor(api_key=KEY) as fake:
        await desk(dialect, client, fake.base_url).generate(PROMPT, CALL)

    sent = fake.calls[0].json()
    assert sent["model"] == "gpt-4-turbo"
    assert all(sent[name] == value for name, value in SPOKEN[dialect])
    texts = json.dumps(sent["messages"])
    assert "How many days of leave?" in texts
    assert ("Be brief." in texts) == (dialect != "anthropic")


SPOKEN: dict[str, ItemsView[str, object]] = {
    "local": {"max_tokens": 64, "temperature": 0.2}.items(),
    "openai": {"max_tokens": 64, "temperature": 0.2}.items(),
    "anthropic": {"max_tokens": 64, "temperature": 0.2, "system": "Be brief."}.items(),
    "ollama": {"truncate": False, "shift": False}.items(),
}


@pytest.mark.spec("PRV-05")
async def test_usage_that_the_vendor_leaves_out_is_estimated_and_flagged(
    dialect: str, client: httpx.AsyncClient
) -> None:
    """Without a count, characters / 4 is used, and said so."""
    async with FakeVendor(script=[Answer(usage=False)]) as fake:
        completion = await desk(dialect, client, fake.base_url).generate(PROMPT, CALL)

    assert completion.usage.estimated
    assert completion.usage.completion_tokens == -(-len("".join(WORDS)) // 4)


@pytest.mark.spec("PRV-11")
@pytest.mark.parametrize(
    ("base_url", "field"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://ours.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("http://127.0.0.1:8000/v1", "max_tokens"),
        ("https://openai.example/v1", "max_tokens"),
    ],
)
def test_the_cap_has_the_name_that_the_server_keeps(base_url: str, field: str) -> None:
    """OpenAI refuses the older one for some of its models; Ollama, for one, ignores the newer one and writes on."""
    assert cap_field(base_url) == field


REFUSALS: list[tuple[Step, Kind, str, float | None]] = [
    (Refusal(status=429, retry_after="2"), Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED", 2.0),
    (Refusal(status=429), Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED", None),
    (Refusal(status=429, retry_after="2", cut=True), Kind.EXHAUSTED, "PROVIDER_RATE_LIMITED", 2.0),
    (Refusal(status=529, retry_after="1"), Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", 1.0),
    (Refusal(status=503, retry_after="soon"), Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", None),
    (Refusal(status=500), Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", None),
    (Refusal(status=401, code="invalid_api_key"), Kind.UNAVAILABLE, "PROVIDER_CREDENTIALS_REJECTED", None),
    (Refusal(status=403), Kind.UNAVAILABLE, "PROVIDER_CREDENTIALS_REJECTED", None),
    (Refusal(status=400, code=CONTEXT_TOO_LONG), Kind.ABORTED, "PROVIDER_PROMPT_TOO_LONG", None),
    (Refusal(status=400), Kind.ABORTED, "PROVIDER_REJECTED", None),
    (Refusal(status=404), Kind.ABORTED, "PROVIDER_REJECTED", None),
    (Refusal(status=408), Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", None),
    (Refusal(status=524), Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", None),
    (Junk(), Kind.UNAVAILABLE, "PROVIDER_MALFORMED", None),
    (Junk(body=b'{"choices": []}'), Kind.UNAVAILABLE, "PROVIDER_MALFORMED", None),
    (Junk(body=b"<html>gateway</html>"), Kind.UNAVAILABLE, "PROVIDER_MALFORMED", None),
    (Junk(body=b'{"choices": [{"message": {"content": null}}]}'), Kind.UNAVAILABLE, "PROVIDER_MALFORMED", None),
    (Answer(words=()), Kind.UNAVAILABLE, "PROVIDER_MALFORMED", None),
    (Junk(body=b"\xff\xfe"), Kind.UNAVAILABLE, "PROVIDER_MALFORMED", None),
    (Answer(cut_after=0), Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", None),
]


@pytest.mark.spec("PRV-03", "PRV-14", "T29")
@pytest.mark.parametrize(("step", "kind", "reason", "retry_after_s"), REFUSALS)
async def test_every_failure_is_one_that_another_provider_may_mend(  # noqa: PLR0917 - one table of cases
    dialect: str, client: httpx.AsyncClient, step: Step, kind: Kind, reason: str, retry_after_s: float | None
) -> None:
    """Each vendor failure has its reason and a code that Envoy moves on from; the vendor's wait is kept."""
    async with FakeVendor(script=[step]) as fake:
        with pytest.raises(MeshError) as caught:
            await desk(dialect, client, fake.base_url).generate(PROMPT, CALL)

    assert (caught.value.kind, caught.value.reason) == (kind, reason)
    assert caught.value.retry_after_s == retry_after_s
    assert caught.value.metadata["provider"] == dialect
    assert len(fake.calls) == 1, "a second try here would be paid twice; Envoy moves on instead"


@pytest.mark.spec("PRV-02")
@pytest.mark.parametrize("step", [Silence(), Answer(stall_after=0)], ids=["no headers", "no token"])
async def test_a_silent_vendor_is_given_up_after_the_patience(
    dialect: str, client: httpx.AsyncClient, step: Step
) -> None:
    """A vendor that says nothing, before its headers or after, becomes UNAVAILABLE and its connection is closed."""
    async with FakeVendor(script=[step]) as fake:
        vendor = desk(dialect, client, fake.base_url, attempt_s=0.05, rules=None)
        # On a busy machine the patience may end before the vendor was even asked.
        while not fake.arrived.is_set():
            with pytest.raises(MeshError) as caught:
                await vendor.generate(PROMPT, CALL)
        await fake.cancelled.wait()

    assert caught.value.metadata["cause"] == "timeout"


@pytest.mark.spec("PRV-02")
async def test_the_remaining_deadline_wins_over_the_patience(dialect: str, client: httpx.AsyncClient) -> None:
    """A call with little time left does not wait as long as the configuration would allow."""
    async with FakeVendor(script=[Silence()]) as fake:
        with pytest.raises(MeshError) as caught:
            await desk(dialect, client, fake.base_url, attempt_s=600.0, remaining_s=lambda: 0.05).generate(PROMPT, CALL)

    assert caught.value.metadata["cause"] == "timeout"


@pytest.mark.spec("PRV-02", "T29")
async def test_a_caller_s_short_time_does_not_speak_against_the_vendor(dialect: str, client: httpx.AsyncClient) -> None:
    """It is the deadline that ended, also where the timer struck a moment before it did."""
    left = iter([0.05])
    async with FakeVendor(script=[Silence()]) as fake:
        hasty = desk(dialect, client, fake.base_url, attempt_s=600.0, remaining_s=lambda: next(left, 0.001))
        with pytest.raises(MeshError) as caught:
            await hasty.generate(PROMPT, CALL)

    assert (caught.value.kind, caught.value.reason) == (Kind.DEADLINE, "DEADLINE_EXPIRED")


async def test_a_vendor_that_nobody_runs_is_unavailable(dialect: str, client: httpx.AsyncClient) -> None:
    """A refused connection is the vendor's failure, not ours."""
    async with FakeVendor() as fake:
        base_url = fake.base_url

    with pytest.raises(MeshError) as caught:
        await desk(dialect, client, base_url).generate(PROMPT, CALL)

    assert (caught.value.kind, caught.value.metadata["cause"]) == (Kind.UNAVAILABLE, "connection")


@pytest.mark.spec("PRV-20")
async def test_cancelling_hangs_up_on_the_vendor(dialect: str, client: httpx.AsyncClient) -> None:
    """A loser of the race stops costing money at once, and the pool still works."""
    async with FakeVendor(script=[Silence(), Answer()]) as fake:
        vendor = desk(dialect, client, fake.base_url)
        call = asyncio.create_task(vendor.generate(PROMPT, CALL))
        await fake.arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await fake.cancelled.wait()
        completion = await vendor.generate(PROMPT, CALL)

    assert completion.text == "".join(WORDS)


@pytest.mark.spec("PRV-04")
async def test_calls_share_their_connection(dialect: str, client: httpx.AsyncClient) -> None:
    """Calls in a row use one connection, refusals among them; only llama.cpp hangs up after each stream."""
    async with FakeVendor(script=[Answer(), Refusal(status=500), Answer()]) as fake:
        vendor = desk(dialect, client, fake.base_url)
        for _ in range(10):
            await vendor.generate(PROMPT, CALL)
            with contextlib.suppress(MeshError):
                await read(vendor, [])
            await vendor.health()

    assert len(fake.calls) == 20
    assert fake.connections == (20 + 1 if dialect == "local" else 1)


@pytest.mark.spec("PRV-12")
async def test_a_key_is_read_anew_for_each_call_and_one_that_is_gone_is_told(
    dialect: str, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """A rotated key works without a restart; a missing file is the credentials' fault, not a crash."""
    file = tmp_path / "key"
    replace_file(file, "old")
    async with FakeVendor(api_key="new") as fake:
        vendor = desk(dialect, client, fake.base_url, keys=KeyFile(file=SecretFile(file), clock=SystemClock()))
        with pytest.raises(MeshError) as rejected:
            await vendor.generate(PROMPT, CALL)
        replace_file(file, "new")
        completion = await vendor.generate(PROMPT, CALL)
        file.unlink()
        with pytest.raises(MeshError) as gone:
            await vendor.generate(PROMPT, CALL)

    assert completion.text
    assert rejected.value.reason == gone.value.reason == "PROVIDER_CREDENTIALS_REJECTED"


@pytest.mark.spec("PRV-18")
@pytest.mark.parametrize("step", [Refusal(status=401, message=f"wrong key: {KEY}"), Junk(body=KEY.encode())])
async def test_no_error_shows_the_key(dialect: str, client: httpx.AsyncClient, step: Step) -> None:
    """Even a vendor that repeats the key in its error text does not get it past the adapter."""
    async with FakeVendor(script=[step]) as fake:
        with pytest.raises(MeshError) as caught:
            await desk(dialect, client, fake.base_url).generate(PROMPT, CALL)

    assert KEY not in f"{caught.value!r} {caught.value} {dict(caught.value.metadata)}"


async def test_health_lists_the_models_or_says_why_not(dialect: str, client: httpx.AsyncClient) -> None:
    """A sick vendor is an answer, not an error."""
    async with FakeVendor(api_key="another") as fake:
        sick = await desk(dialect, client, fake.base_url).health()
        well = await desk(dialect, client, fake.base_url, keys=FixedKeys(keys=(Key("another"),))).health()

    assert (sick.healthy, sick.reason) == (False, "PROVIDER_CREDENTIALS_REJECTED")
    assert (well.healthy, well.models) == (True, ("fake-model",))


@pytest.mark.spec("PRV-05")
async def test_tokens_are_counted_before_the_call_as_they_are_reported_after_it(
    dialect: str, client: httpx.AsyncClient
) -> None:
    """To the token, where the vendor counts; Ollama does not, and the estimate says that it is one."""
    async with FakeVendor() as fake:
        vendor = desk(dialect, client, fake.base_url)
        before = await vendor.count_tokens(PROMPT.messages, PROMPT.model)
        after = (await vendor.generate(PROMPT, CALL)).usage.prompt_tokens

    assert before.estimated == (dialect == "ollama")
    assert before.tokens == (3 + 6 if before.estimated else after)


@pytest.mark.spec("PRV-05")
async def test_a_compatible_server_that_does_not_count_is_estimated(dialect: str, client: httpx.AsyncClient) -> None:
    """Not every server that speaks a vendor's API has all of its endpoints."""
    async with FakeVendor(counts_tokens=False) as fake:
        count = await desk(dialect, client, fake.base_url).count_tokens(PROMPT.messages, PROMPT.model)

    assert count == TokenCount(tokens=3 + 6, estimated=True)


@pytest.mark.spec("PRV-15")
async def test_wrong_json_is_asked_for_once_more(dialect: str, client: httpx.AsyncClient) -> None:
    """The second answer follows the schema; both are counted, and the vendor was told what was wrong."""
    script = [Answer(words=('{"days": ', '"many"}')), Answer(words=('{"days": ', "25}"))]
    async with FakeVendor(script=script) as fake:
        completion = await desk(dialect, client, fake.base_url).generate(STRUCTURED, CALL)

    assert completion.text == '{"days": 25}'
    assert completion.usage.completion_tokens == 4
    assert "$.days breaks type" in json.dumps(fake.calls[1].json()["messages"])


@pytest.mark.spec("PRV-15")
async def test_wrong_json_twice_is_malformed(dialect: str, client: httpx.AsyncClient) -> None:
    """One repair is tried, not two."""
    async with FakeVendor(script=[Answer(words=("{}",))]) as fake:
        with pytest.raises(MeshError) as caught:
            await desk(dialect, client, fake.base_url).generate(STRUCTURED, CALL)

    assert caught.value.reason == "PROVIDER_MALFORMED"
    assert len(fake.calls) == 2


STRUCTURED = replace(
    PROMPT,
    json_schema=json.dumps({"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}),
)


async def test_a_partial_answer_is_gone_on_from_or_refused(dialect: str, client: httpx.AsyncClient) -> None:
    """Who continues gets the beginning as the assistant's last message; who does not is not called."""
    begun = replace(PROMPT, model="claude-haiku-4-5", partial="The leave policy ")
    async with FakeVendor() as fake:
        wired = desk(dialect, client, fake.base_url)
        if not wired.vendor.continues(begun.model):
            with pytest.raises(MeshError) as caught:
                await wired.generate(begun, CALL)
            assert (caught.value.kind, caught.value.reason) == (Kind.ABORTED, "PROVIDER_REJECTED")
            assert fake.calls == []
            return
        await wired.generate(begun, CALL)

    messages = fake.calls[0].json()["messages"]
    assert isinstance(messages, list)
    assert messages[-1]["role"] == "assistant"
    assert messages[-1]["content"].startswith("The leave policy")
