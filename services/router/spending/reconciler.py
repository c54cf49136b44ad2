"""Settles the holds of calls that nobody settled: their router was killed, or their store was away for too long."""

import asyncio
from dataclasses import dataclass

from services.chassis.errors import WorldError
from services.chassis.log import get_logger
from services.router.ports import Ledger
from services.router.spending.inquest import Inquest

MOST = 50
"""Holds that one look takes; every replica takes its own."""

_log = get_logger("router.reconciler")


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Runs in every replica; no hold is taken by two at a time."""

    ledger: Ledger
    inquest: Inquest
    interval_s: float

    async def watch(self) -> None:
        """Look at once and after each interval, until cancelled; at once again while there is more."""
        while True:
            try:
                taken = await self.look()
            except WorldError as error:
                _log.warning("holds not settled", reason=error.reason)
                taken = 0
            if taken < MOST:
                await asyncio.sleep(self.interval_s)

    async def look(self) -> int:
        """Settle what is overdue now; return how many holds that were."""
        holds = await self.ledger.overdue(MOST)
        await asyncio.gather(*(self.inquest.close(hold) for hold in holds))
        return len(holds)
