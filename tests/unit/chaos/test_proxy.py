"""The proxy says what it was told, until it is told to cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tools.chaos.proxy import LAST_BYTES, Proxy

MUCH = b"x" * 100_000


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """Yield the port of a server that says what it hears."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        except OSError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_everything_goes_through() -> None:
    """Both ways, as it was said, and the end as well."""
    async with echo() as port, Proxy(port, seed=1).running() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(MUCH)
        assert await reader.readexactly(len(MUCH)) == MUCH
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("seed", range(5))
async def test_a_cut_comes_in_the_middle(seed: int) -> None:
    """What was open is reset after a few more bytes; what is opened then is whole."""
    async with echo() as port, Proxy(port, seed).running() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        proxy.cut()
        writer.write(MUCH)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)) as raised:
            await reader.readexactly(len(MUCH))
        if isinstance(raised.value, asyncio.IncompleteReadError):
            assert len(raised.value.partial) < LAST_BYTES
        writer.transport.abort()

        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(MUCH)
        assert await reader.readexactly(len(MUCH)) == MUCH
        writer.close()


async def test_what_is_held_up_arrives() -> None:
    """A stall loses nothing."""
    async with echo() as port, Proxy(port, seed=1).running() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        stalled = asyncio.create_task(proxy.stall(0.05))
        await asyncio.sleep(0)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert stalled.done()
        writer.close()


async def test_a_server_that_is_away_is_not_hidden() -> None:
    """Whoever connects meanwhile is turned away, as by the server itself."""
    async with echo() as port:
        pass
    async with Proxy(port, seed=1).running() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            assert await reader.read() == b""
        except ConnectionError:
            pass
        finally:
            writer.close()
