"""The OpenAI chat format, for every vendor that speaks it."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ValidationError

from services.provider.adapters.dialects.fields import Count, Name, checked_finish, codes, dump, event_data
from services.provider.core import failures, tokens
from services.provider.core.completion import Delta, End, Event, Finish, Message, Prompt, Role, Usage

DONE = b"[DONE]"
"""The data of the event that ends a stream."""
_REASONING = re.compile(r"o\d|gpt-(?:[5-9]|\d\d)")
"""OpenAI's models that refuse a temperature, or take one in some modes only: o1, o3-mini, gpt-5, gpt-5.4, ..."""


class _Usage(BaseModel):
    prompt_tokens: Count
    completion_tokens: Count


def _usage_or_none(value: object) -> _Usage | None:
    """Read a count, or none where it is none: no answer is lost for the sake of its accounting."""
    try:
        return _Usage.model_validate(value)
    except ValidationError:
        return None


_OptionalUsage = Annotated[_Usage | None, BeforeValidator(_usage_or_none)]


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _ChunkChoice(BaseModel):
    delta: _Said = _Said()
    finish_reason: str | None = None


class _Chunk(BaseModel):
    model: Name = ""
    choices: list[_ChunkChoice] = []
    usage: _OptionalUsage = None
    error: object = None


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


def encode(prompt: Prompt, *, cap_field: str) -> bytes:
    """Return the request body; ``cap_field`` is the vendor's name of the cap on answer tokens."""
    body: dict[str, object] = {
        "model": prompt.model,
        "messages": encode_messages(prompt),
        cap_field: prompt.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if prompt.temperature is not None and not _REASONING.match(prompt.model):
        body["temperature"] = prompt.temperature
    if prompt.seed is not None:
        body["seed"] = prompt.seed
    if prompt.json_schema:
        schema = {"name": "answer", "strict": True, "schema": json.loads(prompt.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return dump(body)


def encode_count(model: str, messages: Iterable[Message], *, field: str) -> bytes:
    """Return the request body of a token count; ``field`` is where the endpoint has the conversation."""
    # llama.cpp takes an answer of the assistant only where its item says that it is a message.
    items = [{"type": "message", "role": message.role.value, "content": message.text} for message in messages]
    return dump({"model": model, field: items})


def encode_messages(prompt: Prompt) -> list[dict[str, str]]:
    """Return the conversation; what the answer already says is the assistant's last, unfinished word."""
    said = [{"role": message.role.value, "content": message.text} for message in prompt.messages]
    return [*said, {"role": Role.ASSISTANT.value, "content": prompt.partial}] if prompt.partial else said


@dataclass(slots=True, kw_only=True)
class Reading:
    """What has been read of one stream so far; any chunk may lack any part."""

    vendor: str
    prompt: Prompt
    text: str = ""
    _model: str = ""
    _finish: str | None = None
    _usage: _Usage | None = None
    _refused: bool = False
    _done: bool = False

    def take(self, line: bytes) -> Event | None:
        """Return what the next line of the stream says, often nothing.

        Raises:
            MeshError: PROVIDER_MALFORMED, or what the error object in the event means.
        """
        data = event_data(line)
        # Events after the end are read and dropped: a connection left half read cannot be used again.
        self._done = self._done or data == DONE
        if data is None or self._done:
            return None
        chunk = _read_chunk(self.vendor, data)
        self._model, self._usage = chunk.model or self._model, chunk.usage or self._usage
        self._finish = next((choice.finish_reason for choice in chunk.choices if choice.finish_reason), self._finish)
        self._refused = self._refused or any(choice.delta.refusal for choice in chunk.choices)
        piece = "".join(choice.delta.content or "" for choice in chunk.choices)
        self.text += piece
        return Delta(text=piece) if piece else None

    def end(self) -> End:
        """Return the facts of the whole answer. Raises MeshError PROVIDER_MALFORMED where the stream was cut."""
        if not self._done and self._finish is None:
            raise failures.malformed(self.vendor, "a stream without an end")
        finish = Finish.FILTERED if self._refused else _finish(self._finish)
        finish = checked_finish(self.vendor, finish, self.text, self.prompt)
        return End(model=self._model, finish=finish, usage=_read_usage(self._usage, self.prompt, self.text))


def _read_chunk(vendor: str, data: bytes) -> _Chunk:
    try:
        chunk = _Chunk.model_validate_json(data)
    except ValidationError as error:
        raise failures.malformed(vendor, "a chunk that is not JSON of a stream") from error
    if chunk.error is not None:
        raise failures.in_stream(vendor, codes(chunk.error))
    return chunk


def _read_usage(usage: _Usage | None, prompt: Prompt, answer: str) -> Usage:
    if usage is None:
        return tokens.estimate_usage(prompt.messages, answer)
    return Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens, estimated=False)


def read_models(vendor: str, body: bytes) -> tuple[str, ...]:
    """Return the model names of a list reply. Raises MeshError PROVIDER_MALFORMED."""
    try:
        return tuple(model.id for model in _Models.model_validate_json(body).data)
    except ValidationError as error:
        raise failures.malformed(vendor, "a model list that is none") from error


def _finish(reason: str | None) -> Finish:
    try:
        return Finish(reason or "")
    except ValueError:
        return Finish.UNSPECIFIED
