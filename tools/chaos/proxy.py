"""A TCP proxy between the recorder and its database that cuts what runs through it, or holds it up."""

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK_BYTES = 1 << 14
LAST_BYTES = 2048
"""At most so much of what is being said still goes through before a cut."""
_AT_ONCE = struct.pack("ii", 1, 0)
"""A socket that lingers for no time ends with a reset instead of a goodbye."""


class Proxy:
    """Forwards to one port of this machine."""

    def __init__(self, target: int, seed: int) -> None:
        self._target, self._chance = target, random.Random(seed)  # noqa: S311 - not a secret
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open = set[_Link]()
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        """Listen until the end of the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for link in self._open:
                link.reset()

    def turn_to(self, target: int) -> None:
        """Forward what is opened from now on to another port."""
        self._target = target

    def cut(self) -> None:
        """Reset every connection that is open now, each in the middle of what it says next."""
        for link in self._open:
            link.left = self._chance.randrange(LAST_BYTES)

    async def stall(self, seconds: float) -> None:
        """Let nothing through for some time; connections stay open."""
        self._flowing.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, far_writer)
        self._open.add(link)
        try:
            await asyncio.gather(self._pump(reader, far_writer, link), self._pump(far_reader, writer, link))
        finally:
            self._open.discard(link)
            link.reset()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, link: "_Link") -> None:
        with suppress(OSError, RuntimeError):
            while data := await source.read(CHUNK_BYTES):
                await self._flowing.wait()
                target.write(link.passes(data))
                await target.drain()
                if link.left == 0:
                    break
            else:
                target.write_eof()
                return
        link.reset()


class _Link:
    """One connection and its continuation."""

    def __init__(self, *ends: asyncio.StreamWriter) -> None:
        self._ends = ends
        self.left: int | None = None
        """How many more bytes go through; None for any number."""

    def passes(self, data: bytes) -> bytes:
        """Return what of ``data`` goes through."""
        if self.left is None:
            return data
        data = data[: self.left]
        self.left -= len(data)
        return data

    def reset(self) -> None:
        """End it on both sides."""
        for end in self._ends:
            found = end.get_extra_info("socket")
            if found is not None:
                with suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            end.transport.abort()
