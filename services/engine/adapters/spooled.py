"""The policy on evidence: ``strict`` waits for the log; ``spooled`` makes do with this disk where that is away."""

import asyncio
from collections.abc import Collection

from magistrate.recorder.v1.recorder_pb2 import Entry
from services.chassis import call
from services.chassis.errors import WorldError
from services.chassis.spool import AnySpool, Item
from services.engine.adapters import entries
from services.engine.adapters.recorder import MeshEvidenceLog
from services.engine.core.decision import PENDING, Decision, Evidence, Screened
from services.engine.core.intent import Ending, Intent


class SpooledEvidenceLog:
    """Keep evidence in the log, for some tenants first in a spool where the log does not answer soon."""

    def __init__(self, log: MeshEvidenceLog, spool: AnySpool, tenants: Collection[str], *, wait_s: float) -> None:
        self._log, self._spool = log, spool
        self._tenants, self._wait_s = frozenset(tenants), wait_s

    async def open(self, intent: Intent, *, timeout_s: float) -> Evidence:
        """Return once the log has, or this disk, that something is about to be done.

        The disk comes first: nobody who need not wait for the log before the release shall wait for it before the call.

        Raises:
            MeshError: it is durable nowhere.
        """
        if not self._may_spool():
            return await self._log.open(intent, timeout_s=timeout_s)
        try:
            await self._put(entries.intent(intent))
        except WorldError:
            return await self._log.open(intent, timeout_s=timeout_s)
        return PENDING

    async def append(self, decision: Decision, intent: Intent, *, timeout_s: float) -> Evidence:
        """Return where the decision stands, or that it is durable here and will stand there.

        Raises:
            MeshError: it is durable nowhere: the policy is strict, the spool is full, or the log refuses it.
        """
        if not self._may_spool():
            return await self._log.append(decision, intent, timeout_s=timeout_s)
        try:
            return await self._log.append(decision, intent, timeout_s=min(self._wait_s, timeout_s))
        except WorldError:
            await self._put(entries.decision(decision), entries.outcome(intent, entries.DECIDED))
        return PENDING

    def close(self, intent: Intent, ending: Ending) -> None:
        """Record beside the calls how an intent ended that no decision closed."""
        self._log.close(intent, ending)

    async def append_rejection(self, decision_id: str, screened: Screened, *, timeout_s: float) -> None:
        """Keep the fact that a question was refused at the door."""
        await self._log.append_rejection(decision_id, screened, timeout_s=timeout_s)

    def _may_spool(self) -> bool:
        return call.tenant() in self._tenants

    async def _put(self, *records: Entry) -> None:
        tenant = call.tenant()
        await asyncio.gather(*(self._spool.put(Item(tenant=tenant, body=one.SerializeToString())) for one in records))
