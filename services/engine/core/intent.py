"""What is about to be done, and how it ended: two records that name each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.chassis.errors import MeshError

DECIDE = "decide"
"""The action of an intent to decide."""
_REFUSED_AT_THE_DOOR = "INPUT_REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Something that is recorded before it is done; it stays open until an outcome names it."""

    key: str
    """Idempotency key of its record: another for every try under one decision id."""
    decision_id: str
    began: datetime
    action: str = DECIDE
    facts: Mapping[str, str] = field(default_factory=dict)
    """What it is about, as far as it may stand in the log for ever."""
    note: str = ""
    """JSON with who asked and for what exactly; it is kept sealed, apart from the log."""


class Result(StrEnum):
    """How it ended. The recorder itself adds ``unknown``, where nobody ever said."""

    DECIDED = "decided"
    REFUSED = "refused"
    """Screening let it not in."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Whoever asked went away."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an intent ended."""

    result: Result
    reason: str = ""
    """ErrorReason name of a failure."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Small figures that may stand in the log for ever."""


def ending(error: BaseException) -> Ending:
    """Return how an action ended that raised ``error``."""
    if not isinstance(error, MeshError):
        fault = isinstance(error, Exception)
        return Ending(result=Result.FAILED, reason="INTERNAL") if fault else Ending(result=Result.CANCELLED)
    if error.reason == _REFUSED_AT_THE_DOOR:
        return Ending(result=Result.REFUSED, reason=error.reason)
    return Ending(result=Result.FAILED, reason=error.reason)
