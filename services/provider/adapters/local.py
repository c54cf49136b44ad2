"""The local model server: llama.cpp behind its OpenAI-compatible API."""

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.adapters import dialect
from services.provider.adapters.chat import Chat
from services.provider.adapters.transport import Transport
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount

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

    @property
    def _chat(self) -> Chat:
        return Chat(transport=self.transport, cap_field="max_tokens")

    def stream(self, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        return self._chat.stream(prompt)

    async def count_tokens(self, messages: Sequence[Message]) -> TokenCount:
        """Count with the model's own tokenizer; the chat template's few tokens come on top."""
        text = "\n".join(message.text for message in messages)
        body = await self.root.post("/tokenize", json.dumps({"content": text}).encode())
        return TokenCount(tokens=dialect.read_token_count(NAME, body), estimated=False)

    async def health(self) -> Health:
        """Ask which models are loaded; llama.cpp refuses with 503 while it loads."""
        try:
            return Health(healthy=True, models=dialect.read_models(NAME, await self.transport.get("/models")))
        except MeshError as error:
            return Health(healthy=False, models=(), reason=error.reason)
