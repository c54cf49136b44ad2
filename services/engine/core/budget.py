"""How the time of one call is split over its stages (spec row ENG-13).

Each stage may use what is left, less what the stages after it need, and never more than its own limit. Most limits are
above the time for which a proxy waits for a service that is being started again, four seconds or more by the method: a
restart then costs time, but no part of an answer.
"""

from dataclasses import dataclass

from services.chassis.errors import Kind, WorldError

RESERVE_SHARE = 0.08
"""Share of the whole time that is kept for judging and recording after the answer has come."""
MAX_RESERVE_S = 2.0
"""The reserve's upper bound: judging and recording need milliseconds, not a share of a minute."""
PREPARE_SHARE = 0.3
"""Share of the whole time that screening and context may use."""
JUDGE_SHARE = 0.5
"""Share of what is left that judging may use: a judge that hangs leaves time to say so, durably."""
REPLY_SHARE = 0.1
"""Share of the reserve that is left after recording, for the reply to reach its caller."""
_PREPARING = frozenset({"screen", "context"})
_JUDGING = frozenset({"review", "score", "adjudicate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that a stage may take, in seconds, however much time the caller gives."""

    screen: float = 5.0
    context: float = 5.0
    route: float = 60.0
    review: float = 10.0
    score: float = 10.0
    adjudicate: float = 3.0
    record: float = 5.0


def allowance(stage: str, *, total_s: float, remaining_s: float, limits: Limits) -> float:
    """Return the seconds that ``stage`` may take, above 0.

    Args:
        stage: One of the stages' names.
        total_s: Time the whole call had at its start.
        remaining_s: Time it has now.
        limits: The stages' own limits.

    Raises:
        WorldError: DEADLINE DEADLINE_EXPIRED when the stages after it could no longer be done.
    """
    limit: float = getattr(limits, stage)
    allowed = min(limit, _left_for(stage, total_s, remaining_s))
    if allowed <= 0:
        raise WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", f"no time was left for {stage}", metadata={"stage": stage})
    return allowed


def _left_for(stage: str, total_s: float, remaining_s: float) -> float:
    """Return what ``stage`` may take of the remaining time without starving those after it."""
    if stage in _JUDGING:
        return JUDGE_SHARE * remaining_s
    reserve = min(MAX_RESERVE_S, RESERVE_SHARE * total_s)
    if stage == "record":
        return remaining_s - REPLY_SHARE * reserve
    left = remaining_s - reserve
    return min(left, PREPARE_SHARE * total_s) if stage in _PREPARING else left
