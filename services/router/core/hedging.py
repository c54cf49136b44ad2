"""What a hedge may cost: a share of the calls, kept as tokens (trap T18)."""

from collections.abc import Sequence

from services.router.core.account import Attempt, Outcome
from services.router.core.plan import Plan


class Budget:
    """Every call earns ``share`` of a hedge, every hedge that fired costs a whole one.

    Hedges are known when their call ends: what was in flight at once may take the level below nothing. The debt is
    paid back before the next hedge, so that over ``n`` calls never more than ``share * n + burst`` fire, beside those
    in flight.
    """

    def __init__(self, *, share: float, burst: float) -> None:
        self._share = share
        self._burst = burst
        self._level = burst

    @property
    def level(self) -> float:
        """Return the hedges that may still fire; below 0 is debt."""
        return self._level

    @property
    def allows(self) -> bool:
        """Tell whether a slow call may be joined now."""
        return self._level >= 1

    def spend(self, hedges: int) -> None:
        """Account one call that ended with so many ``hedges``."""
        self._level = min(self._burst, self._level + self._share) - hedges


def fired(plan: Plan, attempts: Sequence[Attempt]) -> int:
    """Return how many tries of a call joined a silent one; a try that follows a failure is none.

    Nobody tells why a try was started. The one before it tells: where it had failed before the delay was over, the next
    followed at once; otherwise the next joined it.
    """
    tries = sorted(attempts, key=lambda attempt: plan.order.index(attempt.model.provider))
    return sum(not _made_way(earlier, plan.hedge_delay_s) for earlier in tries[:-1])


def _made_way(attempt: Attempt, delay_s: float) -> bool:
    """Tell whether ``attempt`` failed before somebody could join it, or broke off after all others had been sent away."""
    early = attempt.duration.total_seconds() < delay_s
    return attempt.outcome is Outcome.FAILED and (early or attempt.reason == "STREAM_BROKEN")
