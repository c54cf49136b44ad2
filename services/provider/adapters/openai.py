"""OpenAI, and every server that speaks its API under another base URL (vLLM, for one)."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.adapters.answer import answer
from services.provider.adapters.dialects import openai as dialect
from services.provider.adapters.transport import Transport
from services.provider.core import tokens
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount
from services.provider.core.keys import Key, Terms

NAME = "openai"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI:
    """Implements the Vendor port."""

    transport: Transport

    @property
    def name(self) -> str:
        """Return ``openai``."""
        return NAME

    @property
    def counts_tokens(self) -> bool:
        """Return False: the API has no endpoint that counts."""
        return False

    def continues(self, _model: str) -> bool:
        """Return False: the API answers an assistant's last message instead of going on from it."""
        return False

    def stream(self, prompt: Prompt, terms: Terms) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        reading = dialect.Reading(vendor=NAME, prompt=prompt)
        # OpenAI's reasoning models refuse the older name, max_tokens.
        body = dialect.encode(prompt, cap_field="max_completion_tokens")
        return answer(self.transport, "/chat/completions", body, reading, terms)

    async def count_tokens(self, messages: tuple[Message, ...], _model: str, _key: Key) -> TokenCount:
        """Estimate, and say so."""
        return tokens.estimate_all(messages)

    async def health(self, key: Key) -> Health:
        """List the models that our key may use."""
        try:
            return Health(healthy=True, models=dialect.read_models(NAME, await self.transport.get("/models", key)))
        except MeshError as error:
            return Health(healthy=False, models=(), reason=error.reason)
