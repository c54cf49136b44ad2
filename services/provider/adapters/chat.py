"""A completion and a stream in the OpenAI chat dialect over the transport."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.adapters import dialect
from services.provider.adapters.transport import Transport
from services.provider.core import failures
from services.provider.core.completion import Completion, Delta, Event, Prompt

_PATH = "/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """The one endpoint that every vendor of this dialect has."""

    transport: Transport
    cap_field: str
    """The vendor's name of the cap on answer tokens."""

    async def generate(self, prompt: Prompt) -> Completion:
        """Return the whole answer."""
        body = await self.transport.post(_PATH, dialect.encode(prompt, cap_field=self.cap_field, stream=False))
        return dialect.read_completion(self.transport.vendor, body, prompt.messages)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Yield the answer as it is written; a failure after the first token is STREAM_BROKEN."""
        reading = dialect.Reading(vendor=self.transport.vendor)
        request = dialect.encode(prompt, cap_field=self.cap_field, stream=True)
        try:
            # Without aclosing, a consumer that leaves early would leave the vendor writing, and billing, for a while.
            async with aclosing(self.transport.post_events(_PATH, request)) as events:
                async for data in events:
                    if text := reading.take(data):
                        yield Delta(text=text)
            yield reading.end(prompt.messages)
        except MeshError as error:
            if reading.text:
                raise failures.broken(self.transport.vendor, len(reading.text), error) from error
            raise
