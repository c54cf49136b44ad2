"""The OpenAI chat dialect: pure translation between our values and its JSON, for every vendor that speaks it."""

import json
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError

from services.provider.core import failures, tokens
from services.provider.core.completion import Completion, Finish, Message, Prompt, Usage

DONE = "[DONE]"
"""The data of the event that ends a stream."""
_MAX_CODE_CHARACTERS = 64


class _Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int


class _Said(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Reply(BaseModel):
    model: str = ""
    choices: list[_Choice]
    usage: _Usage | None = None


class _ChunkChoice(BaseModel):
    delta: _Said = _Said()
    finish_reason: str | None = None


class Chunk(BaseModel):
    """One event of a stream; any part may be missing."""

    model: str = ""
    choices: list[_ChunkChoice] = []
    usage: _Usage | None = None
    error: object = None

    @property
    def text(self) -> str:
        """Return the piece of the answer in this chunk, often empty."""
        return "".join(choice.delta.content or "" for choice in self.choices)

    @property
    def finish_reason(self) -> str | None:
        """Return why the model stopped, in the vendor's word, where this chunk says it."""
        return next((choice.finish_reason for choice in self.choices if choice.finish_reason), None)


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


class _Tokens(BaseModel):
    tokens: list[object]


def encode(prompt: Prompt, *, cap_field: str, stream: bool) -> bytes:
    """Return the request body; ``cap_field`` is the vendor's name of the cap on answer tokens."""
    body: dict[str, object] = {
        "model": prompt.model,
        "messages": [{"role": message.role.value, "content": message.text} for message in prompt.messages],
        cap_field: prompt.max_tokens,
    }
    if prompt.temperature is not None:
        body["temperature"] = prompt.temperature
    if prompt.stop:
        body["stop"] = list(prompt.stop)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(body, ensure_ascii=False).encode()


def read_completion(vendor: str, body: bytes, messages: Iterable[Message]) -> Completion:
    """Return the answer in a reply body. Raises MeshError PROVIDER_MALFORMED."""
    try:
        reply = _Reply.model_validate_json(body)
    except ValidationError as error:
        raise failures.malformed(vendor, "a reply that is not a completion") from error
    if not reply.choices:
        raise failures.malformed(vendor, "a completion without an answer")
    choice = reply.choices[0]
    text = choice.message.content or ""
    return Completion(
        text=text, model=reply.model, finish=finish(choice.finish_reason), usage=read_usage(reply.usage, messages, text)
    )


def read_chunk(vendor: str, data: str) -> Chunk:
    """Return one chunk of a stream. Raises MeshError PROVIDER_MALFORMED, or what the error object in it means."""
    try:
        chunk = Chunk.model_validate_json(data)
    except ValidationError as error:
        raise failures.malformed(vendor, "a chunk that is not JSON of a stream") from error
    if chunk.error is not None:
        raise failures.in_stream(vendor, _codes(chunk.error))
    return chunk


def read_usage(usage: _Usage | None, messages: Iterable[Message], answer: str) -> Usage:
    """Return the vendor's count, or an estimate where it gave none."""
    if usage is None:
        return tokens.estimate_usage(messages, answer)
    return Usage(
        prompt_tokens=max(0, usage.prompt_tokens), completion_tokens=max(0, usage.completion_tokens), estimated=False
    )


def read_models(vendor: str, body: bytes) -> tuple[str, ...]:
    """Return the model names of a list reply. Raises MeshError PROVIDER_MALFORMED."""
    try:
        return tuple(model.id for model in _Models.model_validate_json(body).data)
    except ValidationError as error:
        raise failures.malformed(vendor, "a model list that is none") from error


def read_token_count(vendor: str, body: bytes) -> int:
    """Return how many tokens llama.cpp's ``/tokenize`` found. Raises MeshError PROVIDER_MALFORMED."""
    try:
        return len(_Tokens.model_validate_json(body).tokens)
    except ValidationError as error:
        raise failures.malformed(vendor, "a token list that is none") from error


def read_codes(body: bytes) -> frozenset[str]:
    """Return the vendor's own words for an error (its code and type) from an error body; unreadable gives none."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return frozenset()
    return _codes(parsed.get("error")) if isinstance(parsed, dict) else frozenset()


def _codes(error: object) -> frozenset[str]:
    if not isinstance(error, dict):
        return frozenset()
    words = {str(error.get(name))[:_MAX_CODE_CHARACTERS] for name in ("code", "type") if error.get(name)}
    # vLLM tells a prompt that is too long by its message alone.
    if "maximum context length" in str(error.get("message")):
        words.add("context_length_exceeded")
    return frozenset(words)


def finish(reason: str | None) -> Finish:
    """Translate the vendor's word for why the model stopped."""
    return Finish(reason) if reason in {"stop", "length", "content_filter"} else Finish.OTHER
