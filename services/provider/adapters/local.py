"""The local model server: llama.cpp behind its OpenAI-compatible API."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.adapters.answer import answer
from services.provider.adapters.counting import count
from services.provider.adapters.dialects import openai as dialect
from services.provider.adapters.transport import Transport
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount
from services.provider.core.keys import Key, Terms

NAME = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Implements the Vendor port."""

    transport: Transport

    @property
    def name(self) -> str:
        """Return ``local``."""
        return NAME

    @property
    def counts_tokens(self) -> bool:
        """Return True: llama.cpp has an endpoint for it."""
        return True

    def continues(self, _model: str) -> bool:
        """Return True: llama.cpp goes on from an assistant's last message."""
        return True

    def stream(self, prompt: Prompt, terms: Terms) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        reading = dialect.Reading(vendor=NAME, prompt=prompt)
        body = dialect.encode(prompt, cap_field="max_tokens")
        return answer(self.transport, "/chat/completions", body, reading, terms)

    async def count_tokens(self, messages: tuple[Message, ...], model: str, key: Key) -> TokenCount:
        """Count with the model's own tokenizer and chat template."""
        asked = dialect.encode_count(model, messages, field="messages")
        return await count(self.transport, "/chat/completions/input_tokens", asked, key, messages)

    async def health(self, key: Key) -> Health:
        """Ask which models are loaded; llama.cpp refuses with 503 while it loads."""
        try:
            return Health(healthy=True, models=dialect.read_models(NAME, await self.transport.get("/models", key)))
        except MeshError as error:
            return Health(healthy=False, models=(), reason=error.reason)
