"""The bodies of the OpenAI chat API, as servers really send them."""

import json
from collections.abc import Iterator, Mapping, Sequence

Request = Mapping[str, object]
"""The JSON that a client sent."""
CONTENT_TYPE = "text/event-stream"
DONE = b"data: [DONE]\n\n"
_REASONING = frozenset({"o3-mini", "gpt-5", "gpt-5.4"})
_CREATED = 1_767_268_800
_TYPES = {401: "invalid_request_error", 429: "requests", 500: "server_error", 503: "service_unavailable_error"}


def refusal(request: Request) -> str:
    """Return why the API refuses ``request``, in its own words; nothing where it does not."""
    if request["model"] not in _REASONING or request.get("temperature", 1) == 1:
        return ""
    return "Unsupported value: 'temperature' only supports its default (1) with this model."


def opening(request: Request, *, usage: bool) -> Iterator[bytes]:  # noqa: ARG001 - the formats share their names
    """Yield the event that says who speaks."""
    yield _event(_chunk(request, [_choice({"role": "assistant", "content": "", "refusal": None})]))


def delta(request: Request, word: str) -> bytes:
    """Return the event of one token."""
    return _event(_chunk(request, [_choice({"content": word})]))


def closing(request: Request, words: Sequence[str], finish: str, *, usage: bool) -> Iterator[bytes]:
    """Yield the events after the last token; the count, which has no choices, only for a request that asked for it."""
    yield _event(_chunk(request, [_choice({}, finish)]))
    if usage and "stream_options" in request:
        yield _event({**_chunk(request, []), "usage": _usage(request, words)})
    yield DONE


def failure() -> bytes:
    """Return the event of an error inside a stream."""
    return _event(error(500, "the fake vendor failed", "server_error"))


def junk() -> bytes:
    """Return an event that is not JSON."""
    return b'data: {"choices": [{"del\n\n'


def error(status: int, message: str, code: str) -> dict[str, object]:
    """Return an error body; an unset code is null."""
    kind = _TYPES.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}


def models(name: str) -> dict[str, object]:
    """Return the list of the one model ``name``."""
    model = {"id": name, "object": "model", "created": _CREATED, "owned_by": "fake"}
    return {"object": "list", "data": [model]}


def counted(request: Request) -> dict[str, object]:
    """Return the tokens of a request that asks for no answer."""
    return {"object": "response.input_tokens", "input_tokens": _prompt_tokens(request)}


def _prompt_tokens(request: Request) -> int:
    """Count the words of the conversation as its tokens; that of a count may have another name."""
    spoken = request.get("messages", request.get("input"))
    assert isinstance(spoken, list)
    return len(json.dumps([[said["role"], said["content"]] for said in spoken]).split())


def _choice(piece: Mapping[str, object], finish: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": piece, "logprobs": None, "finish_reason": finish}


def _chunk(request: Request, choices: Sequence[Mapping[str, object]]) -> dict[str, object]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": _CREATED, "model": request["model"]}
    return {**head, "choices": choices, "usage": None}


def _usage(request: Request, words: Sequence[str]) -> dict[str, int]:
    prompt = _prompt_tokens(request)
    return {"prompt_tokens": prompt, "completion_tokens": len(words), "total_tokens": prompt + len(words)}


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
