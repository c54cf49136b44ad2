"""What the formats share: counts that the contract can hold, names that stay short, and error objects."""

import json
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
UNPAID = "billing_error"
"""Anthropic's word for a key that nobody pays for."""
_PROSE = {
    "maximum context length": TOO_LONG,
    "prompt is too long": TOO_LONG,
    "exceeds the context length": TOO_LONG,
    "credit balance is too low": UNPAID,
}
"""What vLLM, Anthropic, Ollama and again Anthropic say, in this order, where they have no code or one for all."""


def read_codes(body: bytes) -> frozenset[str]:
    """Return a vendor's own words for the error in an error body; none where it cannot be read."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    return codes(parsed.get("error")) if isinstance(parsed, dict) else frozenset()


def codes(error: object) -> frozenset[str]:
    """Return a vendor's own words for an error, its code and type; prose is only searched for what has no code."""
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return frozenset()
    words = {str(error.get(name))[:_MAX_CODE_CHARACTERS] for name in ("code", "type") if error.get(name)}
    prose = str(error.get("message"))
    return frozenset(words | {word for sign, word in _PROSE.items() if sign in prose})


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
