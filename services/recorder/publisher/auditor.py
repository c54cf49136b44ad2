"""Walk through every log from its first record, again and again, and never trust what was found before."""

import asyncio

from services.chassis.errors import MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter, gauge
from services.recorder.core.audit import AuditError
from services.recorder.core.merkle import TreeError
from services.recorder.publisher.ports import Keys, Ledger, Logs
from services.recorder.publisher.publisher import AWAY_S, Publisher
from services.recorder.publisher.scan import Scan

_log = get_logger("recorder.auditor")
_read = counter("magistrate_recorder_audited_records_total", "Records that were read anew and agreed")
_walked_at = gauge("magistrate_recorder_audit_walk_timestamp_seconds", "When the last walk through all logs ended")


class Auditor:
    """Reads at a bounded rate; a log that does not match is refused by the publisher from then on."""

    def __init__(self, ledger: Ledger, publisher: Publisher, keys: Keys, *, records_per_s: int, pause_s: float) -> None:
        self._ledger, self._publisher, self._keys = ledger, publisher, keys
        self._records_per_s, self._pause_s = records_per_s, pause_s

    async def run(self) -> None:
        """Walk for ever."""
        while True:
            try:
                async with self._ledger.logs() as logs:
                    await self.walk(logs)
                    _walked_at.set_to_current_time()
                pause_s = self._pause_s
            except MeshError as error:
                _log.warning("audit_interrupted", reason=error.reason)
                pause_s = AWAY_S
            await asyncio.sleep(pause_s)

    async def walk(self, logs: Logs) -> None:
        """Look at every log that is still signed.

        Raises:
            WorldError: the store is away.
        """
        for log in await logs.logs():
            if not self._publisher.refuses(log):
                await self._look(logs, log)

    async def _look(self, logs: Logs, log: int) -> None:
        try:
            scan = Scan(logs, await logs.head_of(log), self._keys)
            while not scan.ended:
                count = await scan.step()
                _read.inc(count)
                await asyncio.sleep(count / self._records_per_s)
        except AuditError as error:
            await self._publisher.refuse(logs, log, error)
        except TreeError as error:
            await self._publisher.refuse(logs, log, AuditError(0, f"{error}"))
