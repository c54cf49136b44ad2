"""Anthropic's Messages API."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from services.provider.adapters.answer import answer
from services.provider.adapters.checkup import look
from services.provider.adapters.counting import count
from services.provider.adapters.dialects import anthropic as dialect
from services.provider.adapters.dialects import claude
from services.provider.adapters.dialects.openai import read_models
from services.provider.adapters.transport import Transport
from services.provider.core import failures
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount
from services.provider.core.keys import Key, Terms

NAME = "anthropic"
_VERSION = "2023-06-01"


def credentials(secret: str) -> dict[str, str]:
    """Return the headers that show a key, and the version of the API that it is shown to."""
    return {"x-api-key": secret, "anthropic-version": _VERSION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthropic:
    """Implements the Vendor port."""

    transport: Transport
    name: str = field(default=NAME, init=False)
    counts_tokens: bool = field(default=True, init=False)
    """The API has an endpoint that counts, though not every compatible server."""

    def continues(self, model: str) -> bool:
        """Return whether the model still takes the beginning of its answer."""
        return claude.continues(model)

    def stream(self, prompt: Prompt, terms: Terms) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        if prompt.json_schema and claude.takes_forced_tool(prompt.model):
            _check_tool(prompt)
        reading = dialect.Reading(vendor=NAME, prompt=prompt)
        return answer(self.transport, "/messages", dialect.encode(prompt), reading, terms)

    async def count_tokens(self, messages: tuple[Message, ...], model: str, key: Key) -> TokenCount:
        """Let the vendor count."""
        asked = dialect.encode_count(model, messages)
        return await count(self.transport, "/messages/count_tokens", asked, key, messages)

    async def health(self, key: Key) -> Health:
        """List the models that our key may use."""
        return await look(self.transport, "/models", key, read_models)


def _check_tool(prompt: Prompt) -> None:
    """Refuse what a tool cannot be called with."""
    if json.loads(prompt.json_schema).get("type") != "object":
        raise failures.incapable(NAME, 'takes only a schema whose type is "object"')
    if prompt.partial:
        raise failures.incapable(NAME, "cannot go on from a partial answer that follows a schema")
