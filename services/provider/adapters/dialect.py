"""The OpenAI chat dialect: pure translation between our values and its JSON, for every vendor that speaks it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from services.provider.core import failures, tokens
from services.provider.core.completion import End, Finish, Message, Prompt, Usage

DONE = b"[DONE]"
"""The data of the event that ends a stream."""
_MAX_CODE_CHARACTERS = 64
_MAX_NAME_CHARACTERS = 200
_MAX_COUNT = 2**31 - 1
"""What the contract's counts can hold."""


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0, le=_MAX_COUNT)
    completion_tokens: int = Field(ge=0, le=_MAX_COUNT)


def _usage_or_none(value: object) -> _Usage | None:
    """Read a count, or none where it is none: no answer is lost for the sake of its accounting."""
    try:
        return _Usage.model_validate(value)
    except ValidationError:
        return None


_OptionalUsage = Annotated[_Usage | None, BeforeValidator(_usage_or_none)]
_Name = Annotated[str, AfterValidator(lambda name: name[:_MAX_NAME_CHARACTERS])]


class _Said(BaseModel):
    content: str | None = None


class _ChunkChoice(BaseModel):
    delta: _Said = _Said()
    finish_reason: str | None = None


class _Chunk(BaseModel):
    model: _Name = ""
    choices: list[_ChunkChoice] = []
    usage: _OptionalUsage = None
    error: object = None


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


class _Tokens(BaseModel):
    tokens: list[object]


def encode(prompt: Prompt, *, cap_field: str) -> bytes:
    """Return the request body; ``cap_field`` is the vendor's name of the cap on answer tokens."""
    body: dict[str, object] = {
        "model": prompt.model,
        "messages": [{"role": message.role.value, "content": message.text} for message in prompt.messages],
        cap_field: prompt.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if prompt.temperature is not None:
        body["temperature"] = prompt.temperature
    if prompt.seed is not None:
        body["seed"] = prompt.seed
    if prompt.json_schema:
        schema = {"name": "answer", "strict": True, "schema": json.loads(prompt.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return json.dumps(body, ensure_ascii=False).encode()


@dataclass(slots=True, kw_only=True)
class Reading:
    """What has been read of one stream so far; any chunk may lack any part."""

    vendor: str
    text: str = ""
    _model: str = ""
    _finish: str | None = None
    _usage: _Usage | None = None
    _done: bool = False

    def take(self, data: bytes) -> str:
        """Return the piece of the answer in the next event, often empty.

        Raises:
            MeshError: PROVIDER_MALFORMED, or what the error object in the event means.
        """
        # Events after the end are read and dropped: a connection left half read cannot be used again.
        self._done = self._done or data == DONE
        if self._done:
            return ""
        chunk = _read_chunk(self.vendor, data)
        self._model, self._usage = chunk.model or self._model, chunk.usage or self._usage
        self._finish = next((choice.finish_reason for choice in chunk.choices if choice.finish_reason), self._finish)
        piece = "".join(choice.delta.content or "" for choice in chunk.choices)
        self.text += piece
        return piece

    def end(self, messages: Iterable[Message]) -> End:
        """Return the facts of the whole answer. Raises MeshError PROVIDER_MALFORMED where the stream was cut."""
        if not self._done and self._finish is None:
            raise failures.malformed(self.vendor, "a stream without an end")
        finish = _checked_finish(self.vendor, self._finish, self.text)
        return End(model=self._model, finish=finish, usage=_read_usage(self._usage, messages, self.text))


def _read_chunk(vendor: str, data: bytes) -> _Chunk:
    try:
        chunk = _Chunk.model_validate_json(data)
    except ValidationError as error:
        raise failures.malformed(vendor, "a chunk that is not JSON of a stream") from error
    if chunk.error is not None:
        raise failures.in_stream(vendor, _codes(chunk.error))
    return chunk


def _read_usage(usage: _Usage | None, messages: Iterable[Message], answer: str) -> Usage:
    if usage is None:
        return tokens.estimate_usage(messages, answer)
    return Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, estimated=False)


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
    except (ValueError, RecursionError):
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


def _checked_finish(vendor: str, reason: str | None, text: str) -> Finish:
    """Translate why the model stopped; one that is done without a word has given no answer."""
    try:
        finish = Finish(reason or "")
    except ValueError:
        finish = Finish.UNSPECIFIED
    if not text and finish in {Finish.STOP, Finish.UNSPECIFIED}:
        raise failures.malformed(vendor, "an empty answer")
    return finish
