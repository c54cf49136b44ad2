"""The bodies of the OpenAI chat API, as servers really send them."""

import json
from collections.abc import Mapping, Sequence

Request = Mapping[str, object]
"""The JSON that a client sent."""
DONE = b"data: [DONE]\n\n"


def completion(request: Request, words: Sequence[str], finish: str, *, usage: bool) -> dict[str, object]:
    """Return a whole answer of ``words``, with or without the count of its tokens."""
    message = {"role": "assistant", "content": "".join(words)}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "model": request["model"], "choices": [choice]}
    return {**body, "usage": _usage(request, words)} if usage else body


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


def error(message: str, code: str) -> dict[str, object]:
    """Return an error body; an unset code is null."""
    return {"error": {"message": message, "code": code or None, "type": "error"}}


def _chunk(request: Request, choices: list[dict[str, object]]) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": request["model"], "choices": choices}


def _usage(request: Request, words: Sequence[str]) -> dict[str, int]:
    prompt = len(json.dumps(request["messages"]).split())
    return {"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)}
