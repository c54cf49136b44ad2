"""Close what never finished: an intent whose outcome does not come gets one that says so."""

import asyncio
from datetime import timedelta

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter, gauge
from services.recorder.core.obligation import unknown
from services.recorder.intake import Intake
from services.recorder.ports import Obligations

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
                while await self.close_overdue() == AT_ONCE:
                    pass
            except MeshError as error:
                _log.warning("not_reconciled", reason=error.reason)
            await asyncio.sleep(self._interval_s)

    async def close_overdue(self) -> int:
        """Close the oldest intents that are overdue; return how many.

        Raises:
            MeshError: the store did not answer or takes nothing; what is still open is closed next time.
        """
        overdue = await self._obligations.overdue(self._clock.now() - self._patience, AT_ONCE)
        _open.set(len(overdue))
        for obligation in overdue:
            await self._intake.append(unknown(obligation), None)
            _closed.inc()
            _log.warning("outcome_unknown", tenant=obligation.tenant, decision_id=obligation.decision_id)
        return len(overdue)
