"""OpenAI, and every server that speaks its API under another base URL (vLLM, for one)."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.adapters import dialect
from services.provider.adapters.chat import Chat
from services.provider.adapters.transport import Transport
from services.provider.core import tokens
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount

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

    @property
    def _chat(self) -> Chat:
        # OpenAI's reasoning models refuse the older name, max_tokens.
        return Chat(transport=self.transport, cap_field="max_completion_tokens")

    def stream(self, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        return self._chat.stream(prompt)

    async def count_tokens(self, messages: Sequence[Message]) -> TokenCount:
        """Estimate, and say so."""
        return TokenCount(tokens=sum(tokens.estimate(message.text).tokens for message in messages), estimated=True)

    async def health(self) -> Health:
        """List the models that our key may use."""
        try:
            return Health(healthy=True, models=dialect.read_models(NAME, await self.transport.get("/models")))
        except MeshError as error:
            return Health(healthy=False, models=(), reason=error.reason)
