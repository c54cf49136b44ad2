"""Tells whoever asks what was spent, as far as they may see it."""

from dataclasses import dataclass

from services.chassis import call
from services.chassis.clock import Clock
from services.router.core.spend.limits import Budgets
from services.router.core.spend.statement import SEES_ALL, Statement, day_of
from services.router.ports import Accounts


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Reads the books; changes nothing."""

    accounts: Accounts
    budgets: Budgets
    clock: Clock

    async def of(self, day: str) -> Statement:
        """Return the current caller's tenant's ``day``. Raises MeshError FIELD_MALFORMED or STORE_UNAVAILABLE."""
        who = call.current().principal
        only = None if SEES_ALL.intersection(who.roles) else who.subject
        return await self.accounts.statement(call.tenant(), day_of(day, self.clock.now().date()), only)
