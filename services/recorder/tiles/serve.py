"""Listen on a unix socket or on loopback, for as long as a block runs."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

LOOPBACK = "127.0.0.1"
_OWNER_AND_GROUP = 0o660
_SHUTDOWN_S = 5.0


@asynccontextmanager
async def serving(app: web.Application, path: Path, port: int) -> AsyncIterator[None]:
    """Serve ``app`` at the unix socket, which only owner and group may enter, or at a loopback port if that is not 0.

    Raises:
        OSError: the address cannot be had.
    """
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        if port:
            await web.TCPSite(runner, LOOPBACK, port).start()
        else:
            await web.SockSite(runner, _listener(path)).start()
        yield
    finally:
        await runner.cleanup()


def _listener(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(_OWNER_AND_GROUP)
    return listener
