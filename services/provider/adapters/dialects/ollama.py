"""Ollama's own chat format: one JSON object a line."""

import json
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from services.provider.adapters.dialects.fields import Count, Name, checked_finish, codes, dump
from services.provider.adapters.dialects.openai import encode_messages
from services.provider.core import failures, tokens
from services.provider.core.completion import Delta, End, Event, Finish, Prompt, Usage

_FINISHES = {"stop": Finish.STOP, "length": Finish.LENGTH}


class _Said(BaseModel):
    content: str = ""


class _Line(BaseModel):
    model: Name = ""
    message: _Said = _Said()
    done: bool = False
    done_reason: str = ""
    prompt_eval_count: Count | None = None
    eval_count: Count | None = None
    error: object = None


class _Model(BaseModel):
    name: str


class _Models(BaseModel):
    models: list[_Model]


def encode(prompt: Prompt) -> bytes:
    """Return the request body of a streamed answer."""
    options: dict[str, object] = {"num_predict": prompt.max_tokens}
    if prompt.temperature is not None:
        options["temperature"] = prompt.temperature
    if prompt.seed is not None:
        options["seed"] = prompt.seed
    body: dict[str, object] = {
        "model": prompt.model,
        "messages": encode_messages(prompt),
        "stream": True,
        "options": options,
        # Without these a prompt that does not fit, or no longer once the answer grows, is cut at its beginning, and
        # nobody is told.
        "truncate": False,
        "shift": False,
    }
    if prompt.json_schema:
        body["format"] = json.loads(prompt.json_schema)
    return dump(body)


@dataclass(slots=True, kw_only=True)
class Reading:
    """What has been read of one stream so far."""

    vendor: str
    prompt: Prompt
    text: str = ""
    _model: str = ""
    _last: _Line | None = None

    def take(self, line: bytes) -> Event | None:
        """Return what the next line says, often nothing.

        Raises:
            MeshError: PROVIDER_MALFORMED, or what the error in the line means.
        """
        if not line.strip() or self._last is not None:
            return None
        read = _read_line(self.vendor, line)
        self._model = read.model or self._model
        if read.done:
            self._last = read
        self.text += read.message.content
        return Delta(text=read.message.content) if read.message.content else None

    def end(self) -> End:
        """Return the facts of the whole answer. Raises MeshError PROVIDER_MALFORMED where the stream was cut."""
        if self._last is None:
            raise failures.malformed(self.vendor, "a stream without an end")
        finish = _FINISHES.get(self._last.done_reason, Finish.UNSPECIFIED)
        finish = checked_finish(self.vendor, finish, self.text, self.prompt)
        return End(model=self._model, finish=finish, usage=self._usage(self._last))

    def _usage(self, last: _Line) -> Usage:
        guess = tokens.estimate_usage(self.prompt.messages, self.text)
        # Older Ollamas leave the count of the prompt out where they had all of it in their cache.
        read, written = last.prompt_eval_count, last.eval_count
        return Usage(
            prompt_tokens=read or guess.prompt_tokens,
            completion_tokens=guess.completion_tokens if written is None else written,
            estimated=not read or written is None,
        )


def _read_line(vendor: str, line: bytes) -> _Line:
    try:
        read = _Line.model_validate_json(line)
    except ValidationError as error:
        raise failures.malformed(vendor, "a line that is not JSON of a stream") from error
    if read.error is not None:
        raise failures.in_stream(vendor, codes(read.error))
    return read


def read_models(vendor: str, body: bytes) -> tuple[str, ...]:
    """Return the names of the models that are there. Raises MeshError PROVIDER_MALFORMED."""
    try:
        return tuple(model.name for model in _Models.model_validate_json(body).models)
    except ValidationError as error:
        raise failures.malformed(vendor, "a model list that is none") from error
