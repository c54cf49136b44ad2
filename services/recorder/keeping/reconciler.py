"""Close what never finished: an intent whose outcome does not come gets one that says so."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter, gauge
from services.recorder.core.obligation import Obligation, unknown
from services.recorder.ports import Obligations
from services.recorder.writing.intake import Intake

AT_ONCE = 100

_log = get_logger("recorder.reconciler")
_closed = counter("magistrate_recorder_unknown_outcomes_total", "Intents whose outcome never came")
_open = gauge("magistrate_recorder_overdue_intents", "Intents that are open for longer than an outcome may take")


class Reconciler:
    """Safe in any number of processes: an intent's unknown outcome has one key."""

    def __init__(
        self, obligations: Obligations, intake: Intake, clock: Clock, *, patience_s: float, interval_s: float
    ) -> None:
        self._obligations, self._intake, self._clock = obligations, intake, clock
        self._patience, self._interval_s = timedelta(seconds=patience_s), interval_s

    async def run(self) -> None:
        """Look every ``interval_s``, for ever."""
        while True:
            try:
                await self.close_overdue()
            except MeshError as error:
                _log.warning("not_reconciled", reason=error.reason)
            await asyncio.sleep(self._interval_s)

    async def close_overdue(self) -> int:
        """Close every intent that is overdue, but for tenants whose logs take no more; return how many.

        Raises:
            MeshError: the store did not answer or takes nothing; what is still open is closed next time.
        """
        before, stuck = self._clock.now() - self._patience, set[str]()
        page = await self._obligations.overdue(before, AT_ONCE, stuck)
        _open.set(len(page))
        closed = await self._close(page, stuck)
        while len(page) == AT_ONCE:
            page = await self._obligations.overdue(before, AT_ONCE, stuck)
            closed += await self._close(page, stuck)
        return closed

    async def _close(self, overdue: Sequence[Obligation], stuck: set[str]) -> int:
        """Close what can be closed, add to ``stuck`` the tenants of which nothing can be; return how many."""
        closed = 0
        for obligation in overdue:
            if obligation.tenant in stuck:
                continue
            if not await self._intake.note(unknown(obligation)):
                stuck.add(obligation.tenant)
                continue
            closed += 1
            _closed.inc()
            _log.warning("outcome_unknown", tenant=obligation.tenant, decision_id=obligation.decision_id)
        return closed
