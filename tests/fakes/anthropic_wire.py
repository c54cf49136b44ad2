"""The bodies of Anthropic's Messages API, as it really sends them."""

import json
from collections.abc import Iterator, Mapping, Sequence

Request = Mapping[str, object]
"""The JSON that a client sent."""
CONTENT_TYPE = "text/event-stream; charset=utf-8"
_STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_AFTER_4_5 = frozenset({"claude-opus-4-6", "claude-opus-4-7", "claude-opus-5", "claude-opus-5-5"})
_AFTER_4_6 = _AFTER_4_5 - {"claude-opus-4-6"}
_AFTER_5_0 = frozenset({"claude-opus-5-5"})


def refusal(request: Request) -> str:
    """Return why the API refuses ``request``, in its own words; nothing where it does not."""
    model, begun = request["model"], _begun(request)
    if model in _AFTER_4_5 and begun is not None:
        return "This model does not support assistant message prefill. The conversation must end with a user message."
    if model in _AFTER_4_6 and "temperature" in request:
        return "`temperature` is deprecated for this model."
    if model in _AFTER_5_0 and "tool_choice" in request:
        return 'tool_choice: type "tool" and "any" are not supported for this model.'
    if begun is not None and begun != begun.rstrip():
        return "messages: final assistant content cannot end with trailing whitespace"
    return ""


def _begun(request: Request) -> str | None:
    """Return the beginning of the answer that the conversation ends with, if it does."""
    spoken = request["messages"]
    assert isinstance(spoken, list)
    return str(spoken[-1]["content"]) if spoken and spoken[-1]["role"] == "assistant" else None


def opening(request: Request, *, usage: bool) -> Iterator[bytes]:
    """Yield the events before the first token."""
    counts = {"input_tokens": _prompt_tokens(request), "output_tokens": 1} if usage else {}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": request["model"]}
    ending = {"stop_reason": None, "stop_sequence": None}
    yield _event("message_start", {"message": {**message, **ending, "usage": counts}})
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
    counts = {"usage": {"output_tokens": len(words)}} if usage else {}
    yield _event("message_delta", {"delta": {"stop_reason": stop, "stop_sequence": None}, **counts})
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
    told = {"type": _TYPES.get(status, "api_error"), "message": message}
    return {"type": "error", "error": told, "request_id": "req_1"}


def models(name: str) -> dict[str, object]:
    """Return the list of the one model ``name``."""
    model = {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T12:00:00Z"}
    return {"data": [model], "has_more": False, "first_id": name, "last_id": name}


def counted(request: Request) -> dict[str, object]:
    """Return the tokens of a request that asks for no answer."""
    return {"input_tokens": _prompt_tokens(request)}


def _prompt_tokens(request: Request) -> int:
    """Count the words of the request as its tokens."""
    return len(json.dumps([request.get("system", ""), request["messages"]]).split())


def _event(name: str, body: Mapping[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **body})}\n\n".encode()
