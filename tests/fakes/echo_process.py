"""An Echo as a process of its own, the way every service runs; its standard input says when it may become ready.

Lines on standard input: ``ready`` lets the readiness check pass, ``release`` ends every call that holds.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from services.chassis.runtime import open_runtime
from tests.fakes.echo import Echo, registrations

NAME = "echo"


def tell(line: str) -> None:
    """Write ``line`` to whoever started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def resource(name: str) -> AsyncIterator[str]:
    """Say when ``name`` is closed."""
    try:
        yield name
    finally:
        tell(f"closed {name}")


async def obey(orders: dict[str, asyncio.Event]) -> None:
    """Set the event that each line of standard input names."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        orders[line.decode().strip()].set()


async def main() -> None:
    """Serve until SIGTERM."""
    orders = {"ready": asyncio.Event(), "release": asyncio.Event()}

    async def hold() -> str:
        tell("holding")
        await orders["release"].wait()
        return "held"

    async with open_runtime(NAME) as mesh:
        await mesh.enter(resource("first"))
        await mesh.enter(resource("second"))
        mesh.readiness("order", orders["ready"].wait)
        mesh.spawn(obey(orders), name="orders")
        await mesh.serve(registrations(Echo(acts={"hold": hold})), pending={})
    tell("ended")


if __name__ == "__main__":
    uvloop.run(main())
