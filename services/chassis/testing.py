"""What tests of services need: a server in this process with the full chain, and a channel to it."""

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from services.chassis.call import Principal
from services.chassis.client import Departures, MeshChannel, open_channel
from services.chassis.server import MeshServer, Registration
from services.chassis.telemetry import Tracing
from services.pending import PENDING

__all__ = ["TESTER", "Registration", "serving"]

TESTER = Principal(tenant="acme", subject="tester", roles=("admin",))
"""Who asks in tests that do not say."""
TEST_TIMEOUT_S = 10.0
"""The deadline of a test's call that sets none."""


@asynccontextmanager
async def serving(
    registrations: Sequence[Registration],
    *,
    principal: Principal = TESTER,
    pending: Mapping[str, str] = PENDING,
    timeout_s: float | None = TEST_TIMEOUT_S,
    tracing: Tracing | None = None,
) -> AsyncIterator[MeshChannel]:
    """Yield a channel to an in-process server on a unix socket in a folder of its own.

    Calls pass the whole chain, carry ``principal``, raise MeshError, and have ``timeout_s`` seconds unless they say
    (None: they must say).
    """
    server = MeshServer(registrations, pending=pending, tracing=tracing)
    with tempfile.TemporaryDirectory(prefix="magistrate-") as folder:
        path = Path(folder) / "service.sock"
        await server.start(path)
        await server.ready()
        channel = open_channel(str(path), Departures(tracing=tracing, default_timeout_s=timeout_s, principal=principal))
        try:
            # What a test does first may keep the loop busy for longer than a connection waits.
            await channel.channel_ready()
            yield channel
        finally:
            await channel.close()
            await server.drain(delay_s=0, grace_s=0)
