"""Looks at the world before a plan is made."""

from dataclasses import dataclass

from services.router.core.outlook import Outlook
from services.router.core.request import Request


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Implements the Lookout port from what the room's own watchers have seen."""

    async def look(self, _request: Request) -> Outlook:
        """Return the outlook of this moment for the tenant and user of the current call."""
        return Outlook()
