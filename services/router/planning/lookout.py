"""Looks at the world before a plan is made."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.chassis import call
from services.router.core.champion.report import Arena
from services.router.core.outlook import Outlook
from services.router.core.request import Request
from services.router.core.standing import Standings
from services.router.planning.flight import Flight
from services.router.planning.memory import Memory
from services.router.planning.remaining import Remaining
from services.router.ports import StandingsBoard


def _never() -> float:
    return 1.0


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Implements the Lookout port from what the room's own watchers have seen."""

    remaining: Remaining | None = None
    """What is known of budgets; None where nothing is."""
    flight: Flight | None = None
    """What calls have taught about providers; None where nothing is learnt."""
    memory: Memory | None = None
    """What is remembered of users; None where nothing is."""
    board: StandingsBoard | None = None
    """What is known of champions; None where nothing is."""
    dice: Callable[[], float] = _never
    """Returns a number drawn evenly from 0 to 1, 1 excluded; 1 itself never explores."""

    async def look(self, request: Request, *, dry: bool = False) -> Outlook:
        """Return the outlook of this moment for the tenant and user of the current call."""
        seen = self.flight.outlook(streamed=request.streamed, dry=dry) if self.flight else Outlook()
        return replace(
            seen,
            standings=await self._standings(request),
            draw=self.dice(),
            success_rate=await self.memory.success_rate(request) if self.memory else None,
            remaining_micro_usd=self._remaining(),
        )

    def _remaining(self) -> int | None:
        who = call.current().principal
        return self.remaining.micro_usd(who.tenant, who.subject) if self.remaining else None

    async def _standings(self, request: Request) -> Standings | None:
        tenant = call.current().principal.tenant
        if self.board is None or not tenant:
            return None
        return await self.board.standings(Arena(tenant=tenant, domain=request.domain, task=request.task))
