"""Which replica asks a model for what all of them are asked (spec row RTR-06).

The claim is a lease: whoever holds it renews it while it works, and the others look again and again. They find the
answer, or the claim given up or lapsed, and then the next of them makes the call. Nobody waits for a dead replica for
longer than the lease, and nobody at all where the shared shelf is away. Where only calls shall share that began within
a window, one that comes later takes the claim over, and those who waited before it still get what they wait for.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.chassis.clock import Clock, Ids
from services.chassis.errors import MeshError
from services.router.caching.ports import SharedShelf, Taken, Tally
from services.router.core.caching.entry import Entry
from services.router.core.caching.key import Key
from services.router.core.caching.use import Level

_FIRST_LOOK_S, _LAST_LOOK_S = 0.005, 0.05
"""Pauses between two looks of a follower, from the first to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An answer that was there, or that another replica made meanwhile."""

    entry: Entry
    awaited: bool
    """Whether another replica was still making it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Leave to ask a model."""

    token: str
    """Empty where the shared shelf is away: then only this process knows of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Settles between the replicas who asks."""

    shelf: SharedShelf
    tally: Tally
    clock: Clock
    ids: Ids
    renewal_s: float
    """Seconds after which a claim is renewed; several of them make a lease."""

    async def settle(self, key: Key, window: timedelta | None) -> Found | Lead:
        """Return the answer under ``key``, or leave to make it; wait while another replica makes it.

        Args:
            key: Of the answer.
            window: Time between the starts of two calls that may share one; None for any.
        """
        token, pause = self._token(), _FIRST_LOOK_S
        joined: dict[str, None] = {}
        try:
            while isinstance(seen := await self.shelf.consult(key, token, joined=tuple(joined), window=window), Taken):
                joined[seen.token] = None
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_LOOK_S)
        except MeshError:
            self.tally.count(Level.SHARED, "error")
            return Lead(token="")
        if seen is not None:
            self.tally.count(Level.SHARED, "miss" if joined or not seen.lasting else "hit")
            return Found(entry=seen, awaited=bool(joined))
        self.tally.count(Level.SHARED, "miss")
        return Lead(token=token)

    async def look(self, key: Key) -> Entry | None:
        """Return the answer under ``key``; wait for nobody and claim nothing."""
        try:
            entry = await self.shelf.look(key)
        except MeshError:
            self.tally.count(Level.SHARED, "error")
            return None
        self.tally.count(Level.SHARED, "hit" if entry else "miss")
        return entry

    async def anew(self, key: Key) -> Lead | None:
        """Return leave to make an answer anew that is there already; None where another replica is at it."""
        token = self._token()
        try:
            return Lead(token=token) if await self.shelf.claim(key, token) else None
        except MeshError:
            return Lead(token="")

    def _token(self) -> str:
        """Return the name of a claim: the milliseconds of the epoch at which its call began, and what is unique."""
        return f"{round(self.clock.now().timestamp() * 1000)}/{self.ids.new()}"

    def give_up(self, key: Key, lead: Lead) -> None:
        """Let others make the answer."""
        if lead.token:
            self.shelf.release(key, lead.token)

    @asynccontextmanager
    async def held(self, key: Key, lead: Lead) -> AsyncGenerator[None, None]:
        """Keep the claim while the block runs; where it fails or is cancelled, give the claim up."""
        if not lead.token:
            yield
            return
        renewing = asyncio.get_running_loop().create_task(self._renew(key, lead.token), name="renew claim")
        try:
            yield
        except BaseException:
            self.give_up(key, lead)
            raise
        finally:
            renewing.cancel()

    async def _renew(self, key: Key, token: str) -> None:
        while True:
            await asyncio.sleep(self.renewal_s)
            # The next renewal may pass; else the lease lapses, and another asks too.
            with contextlib.suppress(MeshError):
                await self.shelf.renew(key, token)
