"""One look at a page over plain HTTP: does it answer, and well?"""

import ssl
from pathlib import Path

import httpx

from tools.up.part import PROBE_LIMIT_S

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing is checked over plain HTTP; to load the machine's certificates would cost 20 ms of a core at every look."""


async def answers(url: str, *, socket: Path | None = None) -> bool:
    """Tell whether ``url`` answers 200; over the Unix ``socket`` where one is given."""
    transport = httpx.AsyncHTTPTransport(verify=_NO_TLS, uds=None if socket is None else str(socket))
    try:
        async with httpx.AsyncClient(transport=transport, timeout=PROBE_LIMIT_S, trust_env=False) as client:
            answer = await client.get(url)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
