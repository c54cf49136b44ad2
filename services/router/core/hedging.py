"""What hedges may cost: a share of the calls, kept as tokens (trap T18)."""

from collections.abc import Sequence

from services.router.core.account import Attempt, Outcome
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


def joined(plan: Plan, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return those of ``attempts``, which may not be all of a call yet, that another provider joined.

    A try that follows a failure joins nobody. Of the last that is known its silence tells: an adapter does not see what
    the way to it took, so this may miss a hedge, but never one whose two tries are both known.
    """
    tries = sorted(attempts, key=lambda attempt: plan.order.index(attempt.model.provider))
    earlier = [attempt for attempt in tries[:-1] if not _made_way(plan, attempt)]
    return (*earlier, *(attempt for attempt in tries[-1:] if _was_silent(plan, attempt)))


def _made_way(plan: Plan, attempt: Attempt) -> bool:
    """Tell whether ``attempt`` failed before it could be joined, or broke off when nobody could join it any more."""
    early = silence_s(attempt) < plan.hedge_delay_s
    return attempt.outcome is Outcome.FAILED and (early or attempt.reason == "STREAM_BROKEN")


def _was_silent(plan: Plan, attempt: Attempt) -> bool:
    return attempt.model.provider != plan.order[-1] and silence_s(attempt) >= plan.hedge_delay_s


def silence_s(attempt: Attempt) -> float:
    """Return the seconds from the start of ``attempt`` to its first token, or to its end where there was none."""
    waited = attempt.duration if attempt.first_token_after is None else attempt.first_token_after
    return waited.total_seconds()
