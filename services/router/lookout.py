"""Looks at the world before a plan is made."""

from dataclasses import dataclass, replace

from services.chassis import call
from services.router.core.outlook import Outlook
from services.router.core.request import Request
from services.router.flight import Flight
from services.router.remaining import Remaining


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Implements the Lookout port from what the room's own watchers have seen."""

    remaining: Remaining
    flight: Flight | None = None
    """What calls have taught about providers; None where nothing is learnt."""

    async def look(self, request: Request) -> Outlook:
        """Return the outlook of this moment for the tenant and user of the current call."""
        who = call.current().principal
        seen = self.flight.outlook(streamed=request.streamed) if self.flight else Outlook()
        return replace(seen, remaining_micro_usd=self.remaining.micro_usd(who.tenant, who.subject))
