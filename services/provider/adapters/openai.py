"""OpenAI, and every server that speaks its API under another base URL (vLLM, for one)."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.adapters.answer import answer
from services.provider.adapters.dialects import openai as dialect
from services.provider.adapters.dialects.fields import read_token_count
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
        """Return True: the API has an endpoint that counts, though not every compatible server."""
        return True

    def continues(self, _model: str) -> bool:
        """Return False: the API answers an assistant's last message instead of going on from it."""
        return False

    def stream(self, prompt: Prompt, terms: Terms) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        reading = dialect.Reading(vendor=NAME, prompt=prompt)
        # OpenAI's reasoning models refuse the older name, max_tokens.
        body = dialect.encode(prompt, cap_field="max_completion_tokens")
        return answer(self.transport, "/chat/completions", body, reading, terms)

    async def count_tokens(self, messages: tuple[Message, ...], model: str, key: Key) -> TokenCount:
        """Let the vendor count; of a compatible server that does not, estimate, and say so."""
        asked = dialect.encode_count(model, messages, field="input")
        try:
            body = await self.transport.post("/responses/input_tokens", asked, key)
        except MeshError as error:
            if error.reason != "PROVIDER_REJECTED":
                raise
            return tokens.estimate_all(messages)
        return TokenCount(tokens=read_token_count(NAME, body), estimated=False)

    async def health(self, key: Key) -> Health:
        """List the models that our key may use."""
        try:
            return Health(healthy=True, models=dialect.read_models(NAME, await self.transport.get("/models", key)))
        except MeshError as error:
            return Health(healthy=False, models=(), reason=error.reason)
