"""The local model server: llama.cpp behind its OpenAI-compatible API."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from services.provider.adapters.answer import answer
from services.provider.adapters.checkup import look
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
    name: str = field(default=NAME, init=False)
    counts_tokens: bool = field(default=True, init=False)
    """llama.cpp counts with the chat template of the model."""

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
        """List the models that are loaded; llama.cpp refuses with 503 while it loads."""
        return await look(self.transport, "/models", key, dialect.read_models)
