"""A stream in the OpenAI chat dialect over the transport."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from services.provider.adapters import dialect
from services.provider.adapters.transport import Transport
from services.provider.core.completion import Delta, Event, Prompt

_PATH = "/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """The one endpoint that every vendor of this dialect has."""

    transport: Transport
    cap_field: str
    """The vendor's name of the cap on answer tokens."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written."""
        reading = dialect.Reading(vendor=self.transport.vendor)
        request = dialect.encode(prompt, cap_field=self.cap_field)
        async with aclosing(self.transport.post_events(_PATH, request)) as events:
            async for data in events:
                if text := reading.take(data):
                    yield Delta(text=text)
        yield reading.end(prompt.messages)
