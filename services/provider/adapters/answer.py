"""One streamed answer, in whatever format its vendor writes it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from services.provider.adapters.transport import Transport
from services.provider.core.completion import End, Event
from services.provider.core.keys import Terms


class Reading(Protocol):
    """What has been read of one stream so far. Both methods raise MeshError where it is none."""

    def take(self, line: bytes) -> Event | None:
        """Return what the next line says, if anything."""
        ...

    def end(self) -> End:
        """Return the facts of the whole answer."""
        ...


async def answer(
    transport: Transport, path: str, body: bytes, reading: Reading, terms: Terms
) -> AsyncGenerator[Event, None]:
    """Ask for a stream and yield it as it is written."""
    # Without aclosing, a consumer that leaves early would leave the vendor writing, and billing, for a while.
    async with aclosing(transport.post_lines(path, body, terms)) as lines:
        async for line in lines:
            event = reading.take(line)
            if event is not None:
                yield event
    yield reading.end()
