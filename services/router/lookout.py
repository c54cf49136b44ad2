"""Looks at the world before a plan is made."""

from dataclasses import dataclass

from services.chassis import call
from services.router.core.outlook import Outlook
from services.router.core.request import Request
from services.router.remaining import Remaining


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Implements the Lookout port from what the room's own watchers have seen."""

    remaining: Remaining

    async def look(self, _request: Request) -> Outlook:
        """Return the outlook of this moment for the tenant and user of the current call."""
        who = call.current().principal
        return Outlook(remaining_micro_usd=self.remaining.micro_usd(who.tenant, who.subject))
