"""What is sent to Anthropic is what the asked model takes: the API refuses the rest."""

import json
from dataclasses import replace

import httpx
import pytest

from services.chassis.errors import MeshError
from services.provider.adapters.dialects import claude
from services.provider.core.completion import Message, Prompt, Role
from tests.fakes.vendors import Answer, FakeVendor
from tests.unit.provider.wiring import CALL, desk

PROMPT = Prompt(
    model="claude-haiku-4-5",
    messages=(Message(role=Role.USER, text="How many days of leave?"),),
    max_tokens=64,
    temperature=0.2,
)
MODELS = ("claude-haiku-4-5", "claude-opus-4-6", "claude-opus-4-7", "claude-opus-5", "claude-opus-5-5")
SCHEMA = json.dumps({"type": "object"})
BEGUN = "The leave policy "


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-2.1", "continuation temperature tool"),
        ("claude-instant-1.2", "continuation temperature tool"),
        ("claude-3-opus-20240229", "continuation temperature tool"),
        ("claude-3-5-sonnet-latest", "continuation temperature tool"),
        ("claude-3-7-sonnet-20250219", "continuation temperature tool"),
        ("claude-opus-4-20250514", "continuation temperature tool"),
        ("claude-opus-4-1-20250805", "continuation temperature tool"),
        ("claude-haiku-4-5", "continuation temperature tool"),
        ("claude-sonnet-4-6", "temperature tool"),
        ("claude-opus-4-7", "tool"),
        ("claude-fable-5", "tool"),
        ("claude-fable-5-1", ""),
        ("claude-haiku-5-5", ""),
        ("claude-opus-10", ""),
        ("claude-mythos-preview", ""),
        ("smollm2-135m", "temperature tool"),
    ],
)
def test_a_model_is_known_by_its_name(model: str, takes: str) -> None:
    """Dates are no versions; a name without one is new; other servers of the format have models of their own."""
    told = {
        "continuation": claude.continues(model),
        "temperature": claude.takes_temperature(model),
        "tool": claude.takes_forced_tool(model),
    }
    assert " ".join(name for name, taken in told.items() if taken) == takes


@pytest.mark.spec("PRV-01", "PRV-15")
@pytest.mark.parametrize("model", MODELS)
async def test_no_model_is_sent_what_it_refuses(client: httpx.AsyncClient, model: str) -> None:
    """With a temperature and a schema, every model answers, and the answer is read from where that model writes it."""
    async with FakeVendor(script=[Answer(words=("{", "}"))]) as fake:
        asked = replace(PROMPT, model=model, json_schema=SCHEMA)
        completion = await desk("anthropic", client, fake.base_url).generate(asked, CALL)

    (sent,) = (call.json() for call in fake.calls)
    assert completion.text == "{}"
    assert ("tools" in sent) != ("output_config" in sent)


@pytest.mark.parametrize("model", MODELS[1:])
async def test_a_model_that_does_not_continue_is_not_asked_to(client: httpx.AsyncClient, model: str) -> None:
    """It would answer from the beginning, behind what the caller has read already."""
    async with FakeVendor() as fake:
        with pytest.raises(MeshError) as caught:
            await desk("anthropic", client, fake.base_url).generate(replace(PROMPT, model=model, partial=BEGUN), CALL)

    assert (caught.value.reason, fake.calls) == ("PROVIDER_REJECTED", [])


async def test_one_that_continues_gets_the_beginning(client: httpx.AsyncClient) -> None:
    """Without the white space at its end, which the API refuses."""
    async with FakeVendor() as fake:
        asked = replace(PROMPT, model=MODELS[0], partial=BEGUN)
        assert (await desk("anthropic", client, fake.base_url).generate(asked, CALL)).text

    (sent,) = (call.json() for call in fake.calls)
    assert sent["messages"] == [
        {"role": "user", "content": "How many days of leave?"},
        {"role": "assistant", "content": "The leave policy"},
    ]
