"""What this process knows of every arena that it routes for: read by each plan, refreshed beside the calls."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis import log
from services.chassis.errors import MeshError
from services.router.core.champion.contest import Contest
from services.router.core.champion.report import Arena
from services.router.core.standing import Standings
from services.router.ports import Amendment, Contests

FIRST_LOOK_S = 0.25
"""Most that the first plan of an arena waits; a store that is slower leaves the order to the configuration."""
MAX_ARENAS = 10_000
"""Arenas that are kept fresh; the one that was longest not asked for makes room."""
_UNKNOWN = -1
_log = log.get_logger("router.board")


@dataclass(slots=True)
class _Seen:
    """The newest that is known of one arena."""

    version: int = _UNKNOWN
    standings: Standings | None = None


class Board:
    """Implements the Standing port and the Announcer port; ``watch`` keeps it no older than its interval.

    A plan reads one immutable reading, so that everything in it is of one version (spec row RTR-24). Where the store is
    away the last reading stands.
    """

    def __init__(self, contests: Contests, *, interval_s: float) -> None:
        self._contests = contests
        self._interval_s = interval_s
        self._seen: OrderedDict[Arena, _Seen] = OrderedDict()
        self._first_looks: dict[Arena, asyncio.Task[None]] = {}

    async def standings(self, arena: Arena) -> Standings | None:
        """Return the newest reading; None where there is no champion, or none is known in time."""
        seen = self._seen.get(arena)
        if seen is None:
            seen = self._seen[arena] = _Seen()
            if len(self._seen) > MAX_ARENAS:
                self._seen.popitem(last=False)
        self._seen.move_to_end(arena)
        if seen.version == _UNKNOWN:
            await self._look_first(arena)
        return seen.standings

    def amended(self, arena: Arena, amendment: Amendment) -> None:
        """Show at once what this process wrote."""
        self._show(arena, amendment.contest)

    async def watch(self) -> None:
        """Refresh after each interval, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Read what changed of the arenas that are asked for; what cannot be read stays as it is."""
        if known := {arena: seen.version for arena, seen in self._seen.items()}:
            await self._read(known)

    async def _look_first(self, arena: Arena) -> None:
        """Wait a moment for the first reading; callers who come together share it."""
        looking = self._first_looks.get(arena)
        if looking is None:
            looking = self._first_looks[arena] = asyncio.create_task(self._read({arena: _UNKNOWN}))
            looking.add_done_callback(lambda _: self._first_looks.pop(arena, None))
        await asyncio.wait([looking], timeout=FIRST_LOOK_S)

    async def _read(self, known: Mapping[Arena, int]) -> None:
        try:
            newer = await self._contests.newer(known)
        except MeshError as error:
            _log.warning("standings are not refreshed", reason=error.reason, count=len(known))
            return
        for arena in known:
            self._show(arena, newer.get(arena) or Contest())

    def _show(self, arena: Arena, contest: Contest) -> None:
        # An older reading can arrive after a newer one: what this process wrote while it was read.
        if (seen := self._seen.get(arena)) and contest.version > seen.version:
            seen.version = contest.version
            seen.standings = contest.standings if contest.champion else None
