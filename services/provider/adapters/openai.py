"""OpenAI, and every server that speaks its API under another base URL (vLLM, for one)."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from httpx import URL

from services.provider.adapters.answer import answer
from services.provider.adapters.checkup import look
from services.provider.adapters.counting import count
from services.provider.adapters.dialects import openai as dialect
from services.provider.adapters.transport import Transport
from services.provider.core.completion import Event, Health, Message, Prompt, TokenCount
from services.provider.core.keys import Key, Terms

NAME = "openai"
_OWN_HOSTS = (".openai.com", ".openai.azure.com")


def cap_field(base_url: str) -> str:
    """Return the name of the cap on answer tokens at ``base_url``.

    OpenAI's reasoning models refuse the older name. Of other servers of its API some do not know the newer one: they
    would write, and charge, without a cap.
    """
    return "max_completion_tokens" if URL(base_url).host.endswith(_OWN_HOSTS) else "max_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAI:
    """Implements the Vendor port."""

    transport: Transport
    name: str = field(default=NAME, init=False)
    counts_tokens: bool = field(default=True, init=False)
    """The API has an endpoint that counts, though not every compatible server."""

    def continues(self, _model: str) -> bool:
        """Return False: the API answers an assistant's last message instead of going on from it."""
        return False

    def stream(self, prompt: Prompt, terms: Terms) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        reading = dialect.Reading(vendor=NAME, prompt=prompt)
        body = dialect.encode(prompt, cap_field=cap_field(self.transport.base_url))
        return answer(self.transport, "/chat/completions", body, reading, terms)

    async def count_tokens(self, messages: tuple[Message, ...], model: str, key: Key) -> TokenCount:
        """Let the vendor count."""
        asked = dialect.encode_count(model, messages, field="input")
        return await count(self.transport, "/responses/input_tokens", asked, key, messages)

    async def health(self, key: Key) -> Health:
        """List the models that our key may use."""
        return await look(self.transport, "/models", key, dialect.read_models)
