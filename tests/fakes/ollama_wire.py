"""The bodies of Ollama's chat API, as it really sends them: a JSON object a line."""

import json
from collections.abc import Iterator, Mapping, Sequence

Request = Mapping[str, object]
"""The JSON that a client sent."""
CONTENT_TYPE = "application/x-ndjson"
_NOON = "2026-01-01T12:00:00.0Z"


def refusal(_request: Request) -> str:
    """Return why the API refuses ``request``: it takes all that an adapter may send."""
    return ""


def opening(_request: Request, *, usage: bool) -> Iterator[bytes]:  # noqa: ARG001 - the formats share their names
    """Yield nothing: the first line has the first token."""
    yield from ()


def delta(request: Request, word: str) -> bytes:
    """Return the line of one token."""
    return _line({**_head(request), "message": {"role": "assistant", "content": word}, "done": False})


def closing(request: Request, words: Sequence[str], finish: str, *, usage: bool) -> Iterator[bytes]:
    """Yield the last line, which has no token."""
    counts = {"prompt_eval_count": _prompt_tokens(request), "eval_count": len(words)} if usage else {}
    last = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": finish}
    yield _line({**_head(request), **last, "total_duration": 1_000_000, **counts})


def failure() -> bytes:
    """Return the line of an error inside a stream."""
    return _line({"error": "the fake vendor failed"})


def junk() -> bytes:
    """Return a line that is not JSON."""
    return b'{"model": "m", "mess\n'


def error(_status: int, message: str, code: str) -> dict[str, object]:
    """Return an error body: prose."""
    too_long = "the input length exceeds the context length"
    return {"error": too_long if code == "context_length_exceeded" else message}


def models(name: str) -> dict[str, object]:
    """Return the list of the one model ``name``."""
    details = {"format": "gguf", "family": "llama", "parameter_size": "1M", "quantization_level": "Q4_1"}
    model = {"name": name, "model": name, "modified_at": _NOON, "size": 1, "digest": "0" * 64, "details": details}
    return {"models": [model]}


def _prompt_tokens(request: Request) -> int:
    """Count the words of the request as its tokens."""
    return len(json.dumps(request["messages"]).split())


def _head(request: Request) -> dict[str, object]:
    return {"model": request["model"], "created_at": _NOON}


def _line(body: Mapping[str, object]) -> bytes:
    return json.dumps(body).encode() + b"\n"
