"""A completion and a stream in the OpenAI chat dialect over the transport."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from services.provider.adapters import dialect
from services.provider.adapters.transport import Transport
from services.provider.core import failures
from services.provider.core.completion import Completion, Delta, End, Event, Prompt

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
        """Yield the answer as it is written."""
        request = dialect.encode(prompt, cap_field=self.cap_field, stream=True)
        text, model, finish, usage, done = "", "", None, None, False
        # Without aclosing, a consumer that leaves early would leave the vendor writing, and billing, until collection.
        async with aclosing(self.transport.post_events(_PATH, request)) as events:
            async for data in events:
                if data == dialect.DONE:
                    # Read on to the end of the body: a connection left half read cannot be used again.
                    done = True
                    continue
                chunk = dialect.read_chunk(self.transport.vendor, data)
                model, finish, usage = chunk.model or model, chunk.finish_reason or finish, chunk.usage or usage
                if piece := chunk.text:
                    text += piece
                    yield Delta(text=piece)
        if not done and finish is None:
            raise failures.malformed(self.transport.vendor, "a stream without an end")
        yield End(model=model, finish=dialect.finish(finish), usage=dialect.read_usage(usage, prompt.messages, text))
