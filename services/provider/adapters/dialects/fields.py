"""What the formats share: counts that the contract can hold, names that stay short, and error objects."""

import json
from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, Field

from services.provider.core import failures
from services.provider.core.completion import Finish, Prompt

_MAX_NAME_CHARACTERS = 200
_MAX_CODE_CHARACTERS = 64

Name = Annotated[str, AfterValidator(lambda name: name[:_MAX_NAME_CHARACTERS])]
"""A vendor's name for a model."""
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A count of tokens."""
TOO_LONG = "context_length_exceeded"
"""OpenAI's word for a prompt that does not fit the model; it stands for what others say in prose."""
_TOO_LONG_PROSE = ("maximum context length", "prompt is too long", "exceeds the context length")
"""What vLLM, Anthropic and Ollama say of such a prompt, in this order; none of them has a code for it."""


def error_in(body: bytes) -> object:
    """Return the ``error`` of an error body; None where there is none that can be read."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed.get("error") if isinstance(parsed, dict) else None


def codes(error: object, names: Collection[str] = ("code", "type")) -> frozenset[str]:
    """Return a vendor's own words for an error; a text of prose is only searched for what it says of the length."""
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return frozenset()
    words = {str(error.get(name))[:_MAX_CODE_CHARACTERS] for name in names if error.get(name)}
    prose = str(error.get("message"))
    if any(sign in prose for sign in _TOO_LONG_PROSE):
        words.add(TOO_LONG)
    return frozenset(words)


def event_data(line: bytes) -> bytes | None:
    """Return the data of a line of server-sent events; None where it carries none."""
    return line[5:].strip() if line.startswith(b"data:") else None


def checked_finish(vendor: str, finish: Finish, text: str, prompt: Prompt) -> Finish:
    """Return ``finish``; a model that is done without a word has given no answer, unless one was begun for it.

    Raises:
        MeshError: PROVIDER_MALFORMED.
    """
    if not text and not prompt.partial and finish in {Finish.STOP, Finish.UNSPECIFIED}:
        raise failures.malformed(vendor, "an empty answer")
    return finish


def dump(body: object) -> bytes:
    """Return a request body."""
    return json.dumps(body, ensure_ascii=False).encode()
