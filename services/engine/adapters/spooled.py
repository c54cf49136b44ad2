"""The policy on evidence: ``strict`` waits for the log; ``spooled`` makes do with this disk where that is away."""

from collections.abc import Collection

from services.chassis import call
from services.chassis.errors import WorldError
from services.chassis.spool import Item, Spool
from services.engine.adapters.recorder import MeshEvidenceLog
from services.engine.core.decision import PENDING, Decision, Evidence, Screened


class SpooledEvidenceLog:
    """Keep evidence in the log, for some tenants first in a spool where the log does not answer soon."""

    def __init__(self, log: MeshEvidenceLog, spool: Spool, tenants: Collection[str], *, wait_s: float) -> None:
        self._log, self._spool = log, spool
        self._tenants, self._wait_s = frozenset(tenants), wait_s

    async def append(self, decision: Decision, *, timeout_s: float) -> Evidence:
        """Return where the decision stands, or that it is durable here and will stand there.

        Raises:
            MeshError: it is durable nowhere: the policy is strict, the spool is full, or the log refuses it.
        """
        tenant = call.tenant()
        if tenant not in self._tenants:
            return await self._log.append(decision, timeout_s=timeout_s)
        try:
            return await self._log.append(decision, timeout_s=min(self._wait_s, timeout_s))
        except WorldError:
            await self._spool.put(Item(tenant=tenant, body=self._log.entry(decision).SerializeToString()))
        return PENDING

    async def append_rejection(self, decision_id: str, screened: Screened, *, timeout_s: float) -> None:
        """Keep the fact that a question was refused at the door."""
        await self._log.append_rejection(decision_id, screened, timeout_s=timeout_s)
