"""Ollama's own chat API."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from services.provider.adapters.answer import answer
from services.provider.adapters.checkup import look
from services.provider.adapters.dialects import ollama as dialect
from services.provider.adapters.transport import Transport
from services.provider.core import tokens
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount
from services.provider.core.keys import Key, Terms

NAME = "ollama"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ollama:
    """Implements the Vendor port."""

    transport: Transport
    name: str = field(default=NAME, init=False)
    counts_tokens: bool = field(default=False, init=False)
    """The API has no endpoint that counts."""

    def continues(self, _model: str) -> bool:
        """Return True: a model goes on from an assistant's last message if its template leaves that message open."""
        return True

    def stream(self, prompt: Prompt, terms: Terms) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        reading = dialect.Reading(vendor=NAME, prompt=prompt)
        return answer(self.transport, "/api/chat", dialect.encode(prompt), reading, terms)

    async def count_tokens(self, messages: tuple[Message, ...], _model: str, _key: Key) -> TokenCount:
        """Estimate, and say so."""
        return tokens.estimate_all(messages)

    async def health(self, key: Key) -> Health:
        """List the models that are on the machine."""
        return await look(self.transport, "/api/tags", key, dialect.read_models)
