"""Looks at the world before a plan is made."""

from dataclasses import dataclass

from services.router.core.outlook import Outlook
from services.router.core.request import Request
from services.router.memory import Memory


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Implements the Lookout port from what the room's own watchers have seen."""

    memory: Memory | None = None
    """What is remembered of users; None where nothing is."""

    async def look(self, request: Request) -> Outlook:
        """Return the outlook of this moment for the tenant and user of the current call."""
        return Outlook(success_rate=await self.memory.success_rate(request) if self.memory else None)
