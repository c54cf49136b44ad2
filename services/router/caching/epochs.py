"""How far each tenant's invalidations go, as this replica knows it.

Word of an invalidation arrives at once by ``heard``. Where it is lost, the store is asked again: no reading older than
the bound is used, so that no replica serves what was invalidated longer ago than that.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from services.chassis.clock import Clock
from services.chassis.errors import MeshError, unavailable
from services.chassis.waiting import within
from services.router.caching.ports import Announcer, EpochStore
from services.router.core.caching.epoch import Marks, Notice, Replaced, Scope, merged, reaching
from services.router.core.request import Domain, Task
from services.router.ports import Spawn

_MAX_TENANTS = 10_000
_READ_LIMIT_S = 1.0
"""Longer than this, asking a model is the better use of a caller's time."""


@dataclass(slots=True)
class _Reading:
    marks: Marks = field(default_factory=dict)
    read_at: float = float("-inf")
    under_way: "asyncio.Task[None] | None" = None


@dataclass(frozen=True, kw_only=True)
class Epochs:
    """Tells the epoch of an answer, and begins new ones."""

    store: EpochStore
    announcer: Announcer
    clock: Clock
    spawn: Spawn
    bound_s: float
    """Seconds that a reading is good for: for so long a lost word may go unnoticed."""
    forget: Callable[[str, str], None]
    """Drop from memory what a tenant has under the name of a key."""
    clear: Callable[[str], None]
    """Drop from memory all that a tenant has."""
    _readings: OrderedDict[str, _Reading] = field(default_factory=OrderedDict)

    async def of(self, tenant: str, domain: Domain, task: Task) -> int:
        """Return the epoch of answers to ``domain`` and ``task``. Raises WorldError; then nothing kept may be used."""
        reading = self._reading(tenant)
        age = self.clock.monotonic() - reading.read_at
        if age > self.bound_s:
            await asyncio.shield(self._read_again(tenant, reading))
            if self.clock.monotonic() - reading.read_at > self.bound_s:
                raise unavailable("STORE_UNAVAILABLE", "it is not known what was invalidated")
        elif age > self.bound_s / 2:
            self._read_again(tenant, reading)  # ahead of time, so that no caller has to wait for it
        return reaching(reading.marks, domain, task)

    async def invalidate(self, tenant: str, scope: Scope) -> int:
        """Begin a new epoch for ``scope`` and tell all replicas. Raises WorldError STORE_UNAVAILABLE."""
        epoch = await self.store.advance(tenant, scope)
        notice = Notice(tenant=tenant, scope=scope, epoch=epoch)
        self.heard(notice)
        await self.announcer.announce(notice)
        return epoch

    async def listen(self) -> None:
        """Take in the words of other replicas, until cancelled."""
        async for word in self.announcer.hear():
            if isinstance(word, Replaced):
                self.forget(word.tenant, word.name)
            else:
                self.heard(word)

    def heard(self, notice: Notice) -> None:
        """Take in one word; of a tenant that this replica never served, it needs none.

        What was invalidated is found no more. Where that is everything, nothing of it stays in memory either.
        """
        if notice.scope == Scope():
            self.clear(notice.tenant)
        if reading := self._readings.get(notice.tenant):
            reading.marks = merged(reading.marks, {notice.scope: notice.epoch})

    def _reading(self, tenant: str) -> _Reading:
        reading = self._readings.setdefault(tenant, _Reading())
        self._readings.move_to_end(tenant)
        while len(self._readings) > _MAX_TENANTS:
            self._readings.popitem(last=False)
        return reading

    def _read_again(self, tenant: str, reading: _Reading) -> "asyncio.Task[None]":
        if reading.under_way is None or reading.under_way.done():
            reading.under_way = self.spawn(self._read(tenant, reading), name="cache epochs")
        return reading.under_way

    async def _read(self, tenant: str, reading: _Reading) -> None:
        asked_at = self.clock.monotonic()
        try:
            marks = await within(_READ_LIMIT_S, self.store.read(tenant))
        except (MeshError, TimeoutError):
            return  # whoever needs the reading sees that it has not become younger
        reading.marks, reading.read_at = merged(reading.marks, marks), asked_at
