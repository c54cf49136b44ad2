"""Why a call was not let through, and when it may come again."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from services.chassis.errors import Kind, WorldError


class Scope(StrEnum):
    """Whose limit it is."""

    TENANT = "tenant"
    USER = "user"


class Dimension(StrEnum):
    """What is limited."""

    MICRO_USD = "micro_usd"
    TOKENS = "tokens"
    REQUESTS = "requests"


_WORDS = {Dimension.MICRO_USD: "micro-dollars", Dimension.TOKENS: "tokens", Dimension.REQUESTS: "requests"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The first limit that the first model of a call did not fit into."""

    scope: Scope
    dimension: Dimension
    limit: int
    remaining: int
    room_micro_usd: int | None
    tenant_room_micro_usd: int | None


def exceeded(refusal: Refusal, now: datetime) -> WorldError:
    """Return BUDGET_EXCEEDED; the next UTC midnight brings a new day with a new budget."""
    what = _WORDS[refusal.dimension]
    return WorldError(
        Kind.EXHAUSTED,
        "BUDGET_EXCEEDED",
        f"{refusal.remaining} of the {refusal.scope}'s {refusal.limit} {what} remain today, too little for this call",
        metadata={
            "scope": refusal.scope.value,
            f"limit_{refusal.dimension}": str(refusal.limit),
            f"remaining_{refusal.dimension}": str(refusal.remaining),
        },
        retry_after_s=until_midnight(now).total_seconds(),
    )


def until_midnight(now: datetime) -> timedelta:
    """Return the time until the next UTC day."""
    today = now.astimezone(UTC)
    return datetime.combine(today.date() + timedelta(days=1), time(), UTC) - today
