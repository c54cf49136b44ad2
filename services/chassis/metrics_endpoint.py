"""Prometheus metrics over HTTP on a unix socket: the smallest server that a scraper accepts."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.chassis.metrics import CONTENT_TYPE, exposition

_REQUEST_S = 5.0
_OWNER_AND_GROUP = 0o660
_PATHS = (b"/metrics", b"/")


@asynccontextmanager
async def serve_metrics(path: Path, port: int = 0) -> AsyncIterator[None]:
    """Answer ``GET /metrics`` at the unix socket ``path``, or on loopback where ``port`` is not 0."""
    if port:
        server = await asyncio.start_server(_answer, "127.0.0.1", port)
    else:
        server = await asyncio.start_unix_server(_answer, sock=_listen(path))
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        if not port:
            _forget(path)


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(_OWNER_AND_GROUP)
    return listener


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_REQUEST_S):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_response(head))
            await writer.drain()
    except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        # A scraper that goes away or speaks no HTTP is its own problem.
        pass
    finally:
        writer.close()


def _response(head: bytes) -> bytes:
    words = head.split(b" ", 2)
    if words[0] != b"GET" or len(words) < 3 or words[1].partition(b"?")[0] not in _PATHS:  # noqa: PLR2004 - method, path, version
        return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    body = exposition()
    return (
        f"HTTP/1.1 200 OK\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    ).encode() + body
