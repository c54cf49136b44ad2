"""A wire of known slowness on loopback: whatever goes through arrives half a round trip later, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK_BYTES = 65_536


@asynccontextmanager
async def slow_wire(port: int, *, round_trip_s: float) -> AsyncIterator[int]:
    """Yield a loopback port that leads to ``port``; both directions together take ``round_trip_s`` longer."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop, on_the_way = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

        async def deliver() -> None:
            while True:
                due, chunk = await on_the_way.get()
                if (wait_s := due - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                writer.write(chunk)

        delivering = loop.create_task(deliver())
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                on_the_way.put_nowait((loop.time() + round_trip_s / 2, chunk))
        finally:
            delivering.cancel()
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
