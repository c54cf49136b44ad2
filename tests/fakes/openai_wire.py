"""The bodies of the OpenAI chat API, as servers really send them."""

import json
from collections.abc import Iterator, Mapping, Sequence

Request = Mapping[str, object]
"""The JSON that a client sent."""
DONE = b"data: [DONE]\n\n"


def opening(_request: Request, *, usage: bool) -> Iterator[bytes]:  # noqa: ARG001 - the formats share their names
    """Yield nothing: the first event has the first token."""
    yield from ()


def delta(request: Request, word: str) -> bytes:
    """Return the event of one token."""
    return event(_chunk(request, [{"index": 0, "delta": {"content": word}, "finish_reason": None}]))


def finished(request: Request, finish: str) -> bytes:
    """Return the event that says why the model stopped."""
    return event(_chunk(request, [{"index": 0, "delta": {}, "finish_reason": finish}]))


def counted(request: Request, words: Sequence[str]) -> bytes:
    """Return the event with the count of tokens, which has no choices."""
    return event({**_chunk(request, []), "usage": _usage(request, words)})


def event(value: object) -> bytes:
    """Return ``value`` as a server-sent event."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def closing(request: Request, words: Sequence[str], finish: str, *, usage: bool) -> Iterator[bytes]:
    """Yield the events after the last token."""
    yield finished(request, finish)
    if usage:
        yield counted(request, words)
    yield DONE


def failure() -> bytes:
    """Return the event of an error inside a stream."""
    return event(error(500, "the fake vendor failed", "server_error"))


def junk() -> bytes:
    """Return an event that is not JSON."""
    return b'data: {"choices": [{"del\n\n'


def error(_status: int, message: str, code: str) -> dict[str, object]:
    """Return an error body; an unset code is null."""
    return {"error": {"message": message, "code": code or None, "type": "error"}}


def _chunk(request: Request, choices: list[dict[str, object]]) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": request["model"], "choices": choices}


def _usage(request: Request, words: Sequence[str]) -> dict[str, int]:
    prompt = len(json.dumps(request["messages"]).split())
    return {"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)}
