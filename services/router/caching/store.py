"""The two levels of exact answers as one: looked up in memory first, written to both."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.metrics import counter
from services.router.caching.ports import SharedShelf, Tally
from services.router.core.answer import Answer
from services.router.core.caching.entry import Entry, jittered
from services.router.core.caching.giving import given, kept
from services.router.core.caching.key import Key
from services.router.core.caching.shelf import Shelf
from services.router.core.caching.use import Level
from services.router.core.plan import Plan

_HANDED_FOR = timedelta(seconds=2)
"""Time for those who wait for an answer to look again."""
_WARMED = counter("magistrate_cache_warmed_total", "Answers that were remembered at the start.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Keeps answers and gives them out again."""

    memory: Shelf
    shared: SharedShelf
    tally: Tally
    clock: Clock
    draw: Callable[[], float]
    """Return a random number, 0 exclusive to 1."""
    life: timedelta
    """How long an answer is kept, about."""
    window: timedelta
    """How long after the start of a call an identical one may have its answer, even if it is not kept."""

    def remembered(self, key: Key) -> Entry | None:
        """Return the entry under ``key`` in this process's memory."""
        entry = self.memory.get(key, self.clock.now())
        self.tally.count(Level.MEMORY, "miss" if entry is None or not entry.lasting else "hit")
        if entry is not None and not entry.lasting:
            self.tally.count(Level.SHARED_CALL, "hit")
        return entry

    def remember(self, key: Key, entry: Entry) -> None:
        """Keep what another replica made in this process's memory too."""
        self.memory.put(key, entry, self.clock.now())

    async def warm(self, most: int) -> None:
        """Remember what the replicas used last, so that a process that starts has it (spec row CCH-04)."""
        try:
            used = await self.shared.used_last(most) if most else ()
        except MeshError:
            return  # nothing but look-ups at the shared level are lost
        for key, entry in reversed(used):
            self.remember(key, entry)
        _WARMED.inc(len(used))

    def due(self, entry: Entry) -> bool:
        """Tell whether this caller should make ``entry`` anew."""
        return entry.due(self.clock.now(), self.draw())

    def keep(
        self, key: Key, answer: Answer, took: timedelta, *, lasting: bool, replaces: bool, token: str = ""
    ) -> None:
        """Keep ``answer`` at both levels and give up the claim of ``token``; nobody waits for the writing.

        Where it ``replaces`` one that callers no longer want, other replicas forget what they remember.
        """
        now = self.clock.now()
        until = now + jittered(self.life, self.draw()) if lasting else now - took + self.window
        entry = kept(key, answer, made_at=now, expires_at=until, took=took, lasting=lasting)
        self.memory.put(key, entry, now)
        if lasting:
            self.shared.publish(key, entry, token, replaces=replaces)
            return
        if until > now:
            self.shared.publish(key, entry)
        if token:
            # Whoever began in time may have waited for longer than the window.
            self.shared.hand_over(key, replace(entry, expires_at=now + _HANDED_FOR), token)

    def answer(self, plan: Plan, entry: Entry, level: Level) -> Answer:
        """Return ``entry`` as the answer to a call that was planned as ``plan``: no tries, no cost."""
        return given(plan, entry, level, self.clock.now())
