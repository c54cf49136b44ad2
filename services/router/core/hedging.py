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

    def spend(self, hedges: int = 1) -> None:
        """Count hedges that fired."""
        self._level -= hedges


def hedges(plan: Plan, started: int, attempts: Sequence[Attempt]) -> int:
    """Return how many of the ``started`` tries joined one that was silent, ``attempts`` being what is known of them.

    The proxy counts what it started; our own clocks do not say when its timer fired. A try that follows a failure
    joins nobody, and of the tries that an adapter makes in turn the proxy sees one: how the last ended is its end.
    """
    last = {attempt.model.provider: attempt for attempt in sorted(attempts, key=lambda attempt: attempt.number)}
    return max(0, started - 1 - sum(_made_way(plan, attempt) for attempt in last.values()))


def _made_way(plan: Plan, attempt: Attempt) -> bool:
    """Tell whether ``attempt`` failed before it could be joined, or broke off when nobody could join it any more."""
    early = silence_s(attempt, streamed=plan.streamed) < plan.hedge_delay_s
    return attempt.outcome is Outcome.FAILED and (early or attempt.reason == "STREAM_BROKEN")


def silence_s(attempt: Attempt, *, streamed: bool) -> float:
    """Return the seconds for which the proxy heard nothing of ``attempt``.

    Of a ``streamed`` call it hears the first token, of one in one piece nothing before the end, although the adapter
    knows when its vendor began.
    """
    first = attempt.first_token_after if streamed else None
    return (attempt.duration if first is None else first).total_seconds()
