"""What hedges may cost: a share of the calls, kept as tokens (trap T18)."""

from services.router.core.account import Attempt
from services.router.core.plan import Plan


class Budget:
    """Every answered call earns ``share`` of a hedge, every hedge that fired costs a whole one.

    Hedges are known when their tries end: what was in flight at once may take the level below nothing. The debt is
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

    def earn(self) -> None:
        """Count one call."""
        self._level = min(self._burst, self._level + self._share)

    def spend(self) -> None:
        """Count one hedge."""
        self._level -= 1


def was_joined(plan: Plan, attempt: Attempt) -> bool:
    """Tell whether ``attempt`` kept silent for so long that another provider joined it.

    A try that follows a failure joins nobody, and nobody is left to join the last of the order.
    """
    if attempt.model.provider == plan.order[-1]:
        return False
    return silence_s(attempt) >= plan.hedge_delay_s


def silence_s(attempt: Attempt) -> float:
    """Return the seconds from the start of ``attempt`` to its first token, or to its end where there was none."""
    waited = attempt.duration if attempt.first_token_after is None else attempt.first_token_after
    return waited.total_seconds()
