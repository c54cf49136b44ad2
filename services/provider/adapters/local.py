"""The local model server: llama.cpp behind its OpenAI-compatible API."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.adapters.answer import answer
from services.provider.adapters.dialects import openai as dialect
from services.provider.adapters.transport import Transport
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount
from services.provider.core.keys import Key, Terms

NAME = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Implements the Vendor port."""

    transport: Transport
    root: Transport
    """The same server without the version path: llama.cpp keeps its own endpoints there."""

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

    async def count_tokens(self, messages: tuple[Message, ...], _model: str, key: Key) -> TokenCount:
        """Count with the model's own tokenizer; the chat template's few tokens come on top."""
        text = "\n".join(message.text for message in messages)
        body = await self.root.post("/tokenize", json.dumps({"content": text}).encode(), key)
        return TokenCount(tokens=dialect.read_token_count(NAME, body), estimated=False)

    async def health(self, key: Key) -> Health:
        """Ask which models are loaded; llama.cpp refuses with 503 while it loads."""
        try:
            return Health(healthy=True, models=dialect.read_models(NAME, await self.transport.get("/models", key)))
        except MeshError as error:
            return Health(healthy=False, models=(), reason=error.reason)
