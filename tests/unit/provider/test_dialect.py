"""Whatever a vendor sends, reading it gives an answer or a MeshError, never anything else."""

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import MeshError
from services.provider.adapters.counting import read_token_count
from services.provider.adapters.dialects import anthropic, ollama
from services.provider.adapters.dialects import openai as dialect
from services.provider.adapters.dialects.fields import read_codes
from services.provider.core.completion import End, Finish, Message, Prompt, Role, Usage

PROMPT = Prompt(model="m", messages=(Message(role=Role.USER, text="How many days?"),), max_tokens=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["choices", "message", "error", "usage"]), inner),
)


def ended(**changes: object) -> End:
    """Return the end of a stream of one good chunk, or of one with a part replaced."""
    choice = {"delta": {"content": "25 days"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    reading = dialect.Reading(vendor="openai", prompt=PROMPT)
    reading.take(b"data: " + json.dumps({"model": "m", "choices": [choice], "usage": usage, **changes}).encode())
    return reading.end()


@pytest.mark.spec("PRV-14")
@given(junk=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_answer_or_a_mesh_error(junk: bytes) -> None:
    """In a chunk of a stream, in a list of models, in a token list and in an error body."""
    for read in (
        lambda: dialect.Reading(vendor="openai", prompt=PROMPT).take(b"data: " + junk),
        lambda: anthropic.Reading(vendor="anthropic", prompt=PROMPT).take(b"data: " + junk),
        lambda: ollama.Reading(vendor="ollama", prompt=PROMPT).take(junk),
        lambda: ollama.read_models("ollama", junk),
        lambda: read_token_count("anthropic", junk),
        lambda: dialect.read_models("openai", junk),
        lambda: read_codes(junk),
    ):
        with contextlib.suppress(MeshError):
            read()


@pytest.mark.spec("PRV-05")
@pytest.mark.parametrize(
    "usage",
    [
        None,
        "many",
        {},
        {"prompt_tokens": 3},
        {"prompt_tokens": None, "completion_tokens": 2},
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": 10**12, "completion_tokens": 2},
    ],
)
def test_a_count_that_is_none_is_estimated_and_flagged(usage: object) -> None:
    """The answer is not lost for the sake of its accounting."""
    assert ended(usage=usage).usage == Usage(prompt_tokens=4, completion_tokens=2, estimated=True)


def test_a_refusal_that_comes_in_the_place_of_text_is_a_filtered_answer() -> None:
    """OpenAI's models refuse a structured answer in a field of its own, and call that a stop."""
    choice = {"delta": {"refusal": "I cannot help with that."}, "finish_reason": "stop"}
    assert ended(choices=[choice]).finish is Finish.FILTERED


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("o3-mini", False),
        ("gpt-5", False),
        ("gpt-5.4-mini", False),
        ("gpt-10", False),
        ("gpt-4o-mini", True),
        ("gpt-4.1", True),
        ("gpt-3.5-turbo", True),
        ("gpt-oss-20b", True),
        ("smollm2-135m", True),
    ],
)
def test_a_reasoning_model_is_sent_no_temperature(model: str, sent: bool) -> None:
    """OpenAI refuses every one but its own default; other models get what was asked."""
    asked = replace(PROMPT, model=model, temperature=0.2)
    assert ("temperature" in json.loads(dialect.encode(asked, cap_field="max_tokens"))) is sent


@pytest.mark.spec("PRV-05")
def test_counts_that_come_late_are_the_ones_that_count() -> None:
    """What a message begins with may be an estimate of the server; what it ends with is not."""
    reading = anthropic.Reading(vendor="anthropic", prompt=PROMPT)
    cached = {"cache_read_input_tokens": 5}
    for event in (
        {
            "type": "message_start",
            "message": {"model": "m", "usage": {"input_tokens": 9, "output_tokens": 1, **cached}},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "25 days"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 23, "output_tokens": 3},
        },
        {"type": "message_stop"},
    ):
        reading.take(b"data: " + json.dumps(event).encode())

    assert reading.end().usage == Usage(prompt_tokens=28, completion_tokens=3, estimated=False)


def test_a_name_of_any_length_is_cut() -> None:
    """What the vendor calls its model goes into evidence; it stays short."""
    assert len(ended(model="m" * 10_000).model) == 200


@pytest.mark.parametrize("deep", [b"[" * 60_000, b'{"error":' * 10_000])
def test_nesting_without_end_is_no_crash(deep: bytes) -> None:
    """An error body that exhausts a parser tells nothing."""
    assert read_codes(deep) == frozenset()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "context_length_exceeded"}, "context_length_exceeded"),
        ({"code": 400, "type": "exceed_context_size_error"}, "exceed_context_size_error"),
        (
            {"code": 400, "message": "This model's maximum context length is 4096 tokens."},
            "context_length_exceeded",
        ),
    ],
    ids=["OpenAI", "llama.cpp", "vLLM"],
)
def test_a_prompt_that_is_too_long_is_recognised_in_each_vendors_words(error: object, code: str) -> None:
    """Three servers of one dialect say it in three ways."""
    assert code in read_codes(json.dumps({"error": error}).encode())
