"""Announce a new signing key in every open log, while the key before it still signs."""

import asyncio
from collections.abc import Callable, Sequence

from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import gauge
from services.recorder.core import note
from services.recorder.core.succession import announcement
from services.recorder.ports import OpenLogs
from services.recorder.writing.entries import EntryMaker
from services.recorder.writing.intake import Intake

_log = get_logger("recorder.herald")
_waiting = gauge("magistrate_recorder_former_key_logs", "Open logs whose newest checkpoint a former key alone signs")


class Herald:
    """Safe in any number of processes: an announcement has one key in each log."""

    def __init__(
        self,
        logs: OpenLogs,
        intake: Intake,
        entries: EntryMaker,
        *,
        keys: Callable[[], Sequence[bytes]],
        interval_s: float,
    ) -> None:
        self._logs, self._intake, self._entries, self._keys = logs, intake, entries, keys
        self._interval_s = interval_s
        self._said = set[tuple[str, bytes]]()

    async def run(self) -> None:
        """Look every ``interval_s``, for ever."""
        while True:
            try:
                await self.announce()
            except MeshError as error:
                _log.warning("key_not_announced", reason=error.reason)
            await asyncio.sleep(self._interval_s)

    async def announce(self) -> int:
        """Announce the newest key where it does not sign yet; return in how many logs it does not.

        Raises:
            MeshError: the store is away or takes nothing; it is tried again.
        """
        newest, *former = self._keys()
        logs = await self._logs.open_logs() if former else ()
        # A log of a half-year that is over does not grow, and the next one begins with the newest key.
        growing = [log for log in logs if log.origin == self._entries.origin(log.tenant, log.stream)]
        waiting = [log for log in growing if not note.named(log.note, log.origin, [newest])]
        _waiting.set(len(waiting))
        for log in waiting:
            if (log.origin, newest) not in self._said:
                await self._intake.note(announcement(log.tenant, log.origin, log.stream, newest))
                self._said.add((log.origin, newest))
        return len(waiting)
