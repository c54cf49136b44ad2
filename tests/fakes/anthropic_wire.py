"""The bodies of Anthropic's Messages API, as it really sends them."""

import json
from collections.abc import Iterator, Mapping, Sequence

Request = Mapping[str, object]
"""The JSON that a client sent."""
_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
_TYPES = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}


def opening(request: Request, *, usage: bool) -> Iterator[bytes]:
    """Yield the events before the first token."""
    counted = {"input_tokens": prompt_tokens(request), "output_tokens": 1} if usage else {}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": request["model"]}
    yield _event("message_start", {"message": {**message, "stop_reason": None, "usage": counted}})
    block = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {}} if "tools" in request else _TEXT
    yield _event("content_block_start", {"index": 0, "content_block": block})
    yield _event("ping", {})


_TEXT = {"type": "text", "text": ""}


def delta(request: Request, word: str) -> bytes:
    """Return the event of one token."""
    if "tools" in request:
        piece = {"type": "input_json_delta", "partial_json": word}
    else:
        piece = {"type": "text_delta", "text": word}
    return _event("content_block_delta", {"index": 0, "delta": piece})


def closing(request: Request, words: Sequence[str], finish: str, *, usage: bool) -> Iterator[bytes]:
    """Yield the events after the last token."""
    yield _event("content_block_stop", {"index": 0})
    stop = "tool_use" if "tools" in request and finish == "stop" else _STOPS.get(finish, finish)
    counted = {"usage": {"output_tokens": len(words)}} if usage else {}
    yield _event("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, **counted})
    yield _event("message_stop", {})


def failure() -> bytes:
    """Return the event of an error inside a stream."""
    return _event("error", {"error": {"type": "api_error", "message": "the fake vendor failed"}})


def junk() -> bytes:
    """Return an event that is not JSON."""
    return b'event: content_block_delta\ndata: {"type": "content_bl\n\n'


def error(status: int, message: str, code: str) -> dict[str, object]:
    """Return an error body; a prompt that is too long is told by the message alone."""
    if code == "context_length_exceeded":
        message = "prompt is too long: 210000 tokens > 200000 maximum"
    return {"type": "error", "error": {"type": _TYPES.get(status, "api_error"), "message": message}}


def prompt_tokens(request: Request) -> int:
    """Count the words of the request as its tokens."""
    return len(json.dumps([request.get("system", ""), request["messages"]]).split())


def _event(name: str, body: Mapping[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **body})}\n\n".encode()
