"""How the time of one call is split over its stages (spec row ENG-13).

Each stage may use what is left, less what the stages after it need, and never more than its own limit.
"""

from dataclasses import dataclass

from services.chassis.errors import Kind, WorldError

RESERVE_SHARE = 0.08
"""Share of the whole time that is kept for judging and recording after the answer has come."""
MAX_RESERVE_S = 2.0
"""The reserve's upper bound: judging and recording need milliseconds, not a share of a minute."""
PREPARE_SHARE = 0.3
"""Share of the whole time that screening and context may use."""
_KEPT_AFTER = {
    "screen": 1.0,
    "context": 1.0,
    "route": 1.0,
    "review": 0.6,
    "score": 0.6,
    "adjudicate": 0.4,
    "record": 0.1,
}
"""Share of the reserve that must be left when the stage ends; after the last, for the reply to reach its caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that a stage may take, in seconds, however much time the caller gives."""

    screen: float = 3.0
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
    reserve = min(MAX_RESERVE_S, RESERVE_SHARE * total_s)
    limit: float = getattr(limits, stage)
    if stage in ("screen", "context"):
        limit = min(limit, PREPARE_SHARE * total_s)
    allowed = min(limit, remaining_s - _KEPT_AFTER[stage] * reserve)
    if allowed <= 0:
        raise WorldError(Kind.DEADLINE, "DEADLINE_EXPIRED", f"no time was left for {stage}", metadata={"stage": stage})
    return allowed
