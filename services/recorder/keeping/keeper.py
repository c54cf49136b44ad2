"""Drop bodies when their retention is over: the tenant's log says so first, then its table goes."""

import asyncio
from datetime import timedelta

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.recorder.core.retention import announcement, expired
from services.recorder.ports import Shelf
from services.recorder.writing.intake import Intake

LOOK_S = 3600.0

_log = get_logger("recorder.keeper")
_dropped = counter("magistrate_recorder_dropped_bodies_total", "Bodies dropped at the end of their retention")


class Keeper:
    """Keeps for so many days; 0 keeps for ever."""

    def __init__(self, shelf: Shelf, intake: Intake, clock: Clock, *, days: int) -> None:
        self._shelf, self._intake, self._clock = shelf, intake, clock
        self._period = timedelta(days=days)

    async def run(self) -> None:
        """Look now and then, for ever."""
        while self._period:
            try:
                await self.tidy()
            except MeshError as error:
                _log.warning("retention_failed", reason=error.reason)
            await asyncio.sleep(LOOK_S)

    async def tidy(self) -> int:
        """Drop what is due, unless its end cannot be announced; return of how many logs.

        Raises:
            MeshError: the store is away or takes nothing; a log that was announced only is dropped next time.
        """
        due = [log for log in await self._shelf.kept() if expired(log, self._clock.now(), self._period)]
        announced = [log for log in due if await self._intake.note(announcement(log))]
        for log in announced:
            await self._shelf.drop(log.log)
            _dropped.inc(log.size)
            _log.warning("bodies_dropped", origin=log.origin, tenant=log.tenant, count=log.size)
        return len(announced)
