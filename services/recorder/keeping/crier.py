"""Write into a tenant's own security log what the publisher found wrong with one of its logs."""

import asyncio

from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.recorder.core.alarm import damaged_log
from services.recorder.ports import Damages
from services.recorder.writing.intake import Intake

_log = get_logger("recorder.crier")


class Crier:
    """Safe in any number of processes: what is said about a log has one key."""

    def __init__(self, damages: Damages, intake: Intake, *, interval_s: float) -> None:
        self._damages, self._intake, self._interval_s = damages, intake, interval_s
        self._said = set[str]()

    async def run(self) -> None:
        """Look every ``interval_s``, for ever."""
        while True:
            try:
                await self.cry()
            except MeshError as error:
                _log.warning("damage_not_recorded", reason=error.reason)
            await asyncio.sleep(self._interval_s)

    async def cry(self) -> None:
        """Record what was found since.

        Raises:
            MeshError: the store is away or takes nothing; it is tried again.
        """
        for damage in await self._damages.damages():
            if damage.origin not in self._said:
                # Where the security log itself is damaged, the publisher's metric and log say so.
                await self._intake.note(damaged_log(damage.tenant, damage.origin, damage.first_bad, damage.problem))
                self._said.add(damage.origin)
