"""Let an Envoy end its work before it is stopped: SIGTERM alone ends it at once, with calls in flight."""

import asyncio
import re
from pathlib import Path

import httpx

_ACTIVE = re.compile(r"^http\.(?!admin\.).*\.downstream_rq_active: (\d+)$", re.MULTILINE)
_POLL_S = 0.05


async def drain(admin_socket: Path, *, limit_s: float = 10.0) -> bool:
    """Ask the Envoy behind ``admin_socket`` to send its callers away, and wait until no call is in flight.

    Returns:
        Whether all calls ended within ``limit_s`` seconds. The caller then sends SIGTERM either way.

    Raises:
        httpx.HTTPError: Nothing answers on the admin socket.
    """
    transport = httpx.AsyncHTTPTransport(uds=str(admin_socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=5.0) as admin:
        (await admin.post("/drain_listeners?graceful&skip_exit")).raise_for_status()
        for _ in range(round(limit_s / _POLL_S)):
            if not await active_calls(admin):
                return True
            await asyncio.sleep(_POLL_S)
    return False


async def active_calls(admin: httpx.AsyncClient) -> int:
    """Return how many calls are in flight on all listeners."""
    stats = await admin.get("/stats", params={"filter": "downstream_rq_active"})
    return sum(int(count) for count in _ACTIVE.findall(stats.text))
