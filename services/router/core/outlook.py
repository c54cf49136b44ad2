"""What the router knows of the world when it plans a call; read before, so that planning stays pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.router.core.standing import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """One look at the world. What is not known has the value that changes nothing."""

    away: frozenset[str] = frozenset()
    """Providers that must not be asked now: their breaker is open, or their health check failed."""
    back_after_s: float | None = None
    """Seconds until the first of those that are away may be asked again, where it is known."""
    hedge_delays_s: Mapping[str, float] = field(default_factory=dict)
    """Measured delay by model, for the kind of call that is planned, after which another provider should join; a model
    without one takes the configured."""
    may_hedge: bool = True
    """Whether the hedge budget lets a slow call be joined; a failed one is always followed."""
    standings: Standings | None = None
    """Champion and challengers of the tenant for the domain and task."""
    success_rate: float | None = None
    """Share of the user's earlier answers that were good enough, 0 to 1; None without history."""
    remaining_micro_usd: int | None = None
    """What the tightest budget of tenant and user leaves for today; None where it was not read."""
    draw: float = 1.0
    """A random number from 0 to 1 for exploration; 1 never explores."""
