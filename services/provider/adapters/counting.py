"""Tokens counted by a vendor before the call."""

from collections.abc import Iterable

from pydantic import BaseModel, ValidationError

from services.chassis.errors import MeshError
from services.provider.adapters.dialects.fields import Count
from services.provider.adapters.transport import Transport
from services.provider.core import failures, tokens
from services.provider.core.completion import Message, TokenCount
from services.provider.core.keys import Key


class _Counted(BaseModel):
    input_tokens: Count


async def count(transport: Transport, path: str, body: bytes, key: Key, messages: Iterable[Message]) -> TokenCount:
    """Let the vendor count ``messages``, which ``body`` has in its format; of a server that does not count, estimate.

    Anthropic, OpenAI and llama.cpp have an endpoint each and one answer. Of the other servers that speak their formats
    not every one has it.
    """
    try:
        counted = await transport.post(path, body, key)
    except MeshError as error:
        if error.reason != "PROVIDER_REJECTED":
            raise
        return tokens.estimate_all(messages)
    return TokenCount(tokens=read_token_count(transport.vendor, counted), estimated=False)


def read_token_count(vendor: str, body: bytes) -> int:
    """Return the counted tokens. Raises MeshError PROVIDER_MALFORMED."""
    try:
        return _Counted.model_validate_json(body).input_tokens
    except ValidationError as error:
        raise failures.malformed(vendor, "a token count that is none") from error
