"""The last phase of a server: calls that run are finished, calls that still arrive are refused unprocessed."""

import asyncio

from services.chassis.errors import Kind, WorldError
from services.chassis.rpc import Rpc

NOT_PROCESSED_KEY = "x-magistrate-not-processed"
"""Trailing metadata of a refusal that came before any servicer: the caller's proxy repeats such a call safely.

It is set here and nowhere else: an error that a servicer passes on may come from the middle of its work.
"""
_REFUSED = ((NOT_PROCESSED_KEY, "true"),)


class Drain:
    """The step that knows which calls run, and that closes the door."""

    def __init__(self) -> None:
        self._running: set[Rpc] = set()
        self._closed = False
        self._idle = asyncio.Event()

    def begin(self, rpc: Rpc) -> None:
        """Let the call in, or refuse it once the door is closed.

        Raises:
            WorldError: UNAVAILABLE, DRAINING.
        """
        if self._closed:
            rpc.trailers = _REFUSED
            message = "the service is draining; another replica or a later try will do"
            raise WorldError(Kind.UNAVAILABLE, "DRAINING", message)
        self._running.add(rpc)

    def end(self, rpc: Rpc) -> None:
        """Forget the call."""
        self._running.discard(rpc)
        if self._closed and not self._running:
            self._idle.set()

    async def close(self, *, grace_s: float) -> None:
        """Refuse calls from now on; return when none runs any more, or after ``grace_s`` seconds."""
        self._closed = True
        if not self._running:
            return
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            pass  # whoever needs longer is cut when the server stops
