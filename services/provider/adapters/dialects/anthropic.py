"""Anthropic's Messages format."""

import json
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from services.provider.adapters.dialects import claude
from services.provider.adapters.dialects.fields import Count, Name, checked_finish, codes, dump, event_data
from services.provider.core import failures, tokens
from services.provider.core.completion import Delta, End, Event, Finish, Message, Opened, Prompt, Role, Usage

_HIGHEST_TEMPERATURE = 1.0
"""What the API takes; 2.0 of our scale is as wild as it gets."""
_TOOL = "answer"
"""Name of the tool that a structured answer is the call of."""
_FINISHES = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "tool_use": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "refusal": Finish.FILTERED,
}


class _Usage(BaseModel):
    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens: Count | None = None

    @property
    def prompt_tokens(self) -> int:
        """Return all that was read, from the cache or not."""
        parts = (self.input_tokens, self.cache_creation_input_tokens, self.cache_read_input_tokens)
        return sum(part or 0 for part in parts)

    def with_later(self, later: Self) -> Self:
        """Return these counts with those of ``later`` in their place: they are cumulative, and some come twice."""
        return self.model_copy(update=later.model_dump(exclude_none=True))


class _Begun(BaseModel):
    model: Name = ""
    usage: _Usage = _Usage()


class _MessageStart(BaseModel):
    type: Literal["message_start"]
    message: _Begun


class _Piece(BaseModel):
    text: str = ""
    partial_json: str = ""


class _ContentDelta(BaseModel):
    type: Literal["content_block_delta"]
    delta: _Piece


class _Stop(BaseModel):
    stop_reason: str | None = None


class _MessageDelta(BaseModel):
    type: Literal["message_delta"]
    delta: _Stop = _Stop()
    usage: _Usage = _Usage()


class _MessageStop(BaseModel):
    type: Literal["message_stop"]


class _Error(BaseModel):
    type: Literal["error"]
    error: object = None


class _Other(BaseModel):
    """A ping, the edge of a block, or an event that is younger than this file."""

    type: str


_Known = Annotated[_MessageStart | _ContentDelta | _MessageDelta | _MessageStop | _Error, Field(discriminator="type")]
_EVENT: TypeAdapter[_Known] = TypeAdapter(_Known)
_KNOWN = frozenset({"message_start", "content_block_delta", "message_delta", "message_stop", "error"})


def encode(prompt: Prompt) -> bytes:
    """Return the request body of a streamed answer."""
    body = {**_conversation(prompt.model, prompt.messages, prompt.partial), "max_tokens": prompt.max_tokens}
    if prompt.temperature is not None and claude.takes_temperature(prompt.model):
        body["temperature"] = min(prompt.temperature, _HIGHEST_TEMPERATURE)
    if prompt.json_schema:
        body |= _structure(prompt.model, json.loads(prompt.json_schema))
    return dump({**body, "stream": True})


def _structure(model: str, schema: object) -> dict[str, object]:
    """Return what makes an answer follow ``schema``; a forced tool takes more schemas, but not every model takes it."""
    if not claude.takes_forced_tool(model):
        return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    tool = {"name": _TOOL, "description": "Give the answer.", "input_schema": schema}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": _TOOL}}


def encode_count(model: str, messages: tuple[Message, ...]) -> bytes:
    """Return the request body of a token count."""
    return dump(_conversation(model, messages, ""))


def _conversation(model: str, messages: tuple[Message, ...], partial: str) -> dict[str, object]:
    system = "\n\n".join(message.text for message in messages if message.role is Role.SYSTEM)
    turns = [
        {"role": message.role.value, "content": message.text} for message in messages if message.role is not Role.SYSTEM
    ]
    if partial:
        # The API refuses a beginning that ends in white space.
        turns.append({"role": Role.ASSISTANT.value, "content": partial.rstrip()})
    body: dict[str, object] = {"model": model, "messages": turns}
    return {**body, "system": system} if system else body


@dataclass(slots=True, kw_only=True)
class Reading:
    """What has been read of one stream so far."""

    vendor: str
    prompt: Prompt
    text: str = ""
    _model: str = ""
    _stop: str | None = None
    _read: _Usage = field(default_factory=_Usage)
    _written: int | None = None
    _done: bool = False

    def take(self, line: bytes) -> Event | None:
        """Return what the next line of the stream says, often nothing.

        Raises:
            MeshError: PROVIDER_MALFORMED, or what the error event means.
        """
        data = event_data(line)
        if data is None or self._done:
            return None
        match _read_event(self.vendor, data):
            case _MessageStart(message=message):
                self._model, self._read = message.model, message.usage
                return Opened(prompt_tokens=self._read.prompt_tokens) if self._read.prompt_tokens else None
            case _ContentDelta(delta=delta):
                return self._piece(delta.text or delta.partial_json)
            case _MessageDelta(delta=delta, usage=usage):
                self._stop = delta.stop_reason or self._stop
                self._read = self._read.with_later(usage)
                self._written = usage.output_tokens if usage.output_tokens is not None else self._written
            case _MessageStop():
                self._done = True
            case _Error(error=error):
                raise failures.in_stream(self.vendor, codes(error))
        return None

    def end(self) -> End:
        """Return the facts of the whole answer. Raises MeshError PROVIDER_MALFORMED where the stream was cut."""
        if not self._done and self._stop is None:
            raise failures.malformed(self.vendor, "a stream without an end")
        finish = _FINISHES.get(self._stop or "", Finish.UNSPECIFIED)
        finish = checked_finish(self.vendor, finish, self.text, self.prompt)
        return End(model=self._model, finish=finish, usage=self._usage())

    def _piece(self, text: str) -> Event | None:
        if not self.text and self.prompt.partial[-1:].isspace():
            # The model, which did not see the white space, writes it again.
            text = text.lstrip()
        self.text += text
        return Delta(text=text) if text else None

    def _usage(self) -> Usage:
        guess = tokens.estimate_usage(self.prompt.messages, self.text)
        read, written = self._read.prompt_tokens, self._written
        return Usage(
            prompt_tokens=read or guess.prompt_tokens,
            completion_tokens=guess.completion_tokens if written is None else written,
            estimated=not read or written is None,
        )


def _read_event(vendor: str, data: bytes) -> _Known | _Other:
    try:
        other = _Other.model_validate_json(data)
        return _EVENT.validate_json(data) if other.type in _KNOWN else other
    except ValidationError as error:
        raise failures.malformed(vendor, "an event that is not one of a stream") from error
