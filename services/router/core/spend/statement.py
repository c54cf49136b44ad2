"""What a day has cost, for whom, and what remains of it."""

from dataclasses import dataclass
from datetime import date

from services.chassis.errors import CallerError, invalid
from services.router.core.spend.limits import Limit

SEES_ALL = frozenset({"admin", "operator"})
"""Roles that see every user of their tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How one budget stands."""

    subject: str = ""
    """Empty for the whole tenant."""
    spent_micro_usd: int = 0
    held_micro_usd: int = 0
    requests: int = 0

    def remaining(self, limit: Limit) -> int | None:
        """Return the micro-dollars of ``limit`` that are neither spent nor held; None without limit."""
        if limit.micro_usd is None:
            return None
        return max(0, limit.micro_usd - self.spent_micro_usd - self.held_micro_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpend:
    """What one model cost."""

    provider: str
    model: str
    attempts: int
    input_tokens: int
    output_tokens: int
    estimated: bool
    """Whether some of the tokens are an estimate."""
    micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One tenant's day."""

    day: date
    tenant: Balance
    users: tuple[Balance, ...]
    """The dearest first."""
    models: tuple[ModelSpend, ...]


def day_of(text: str, today: date) -> date:
    """Return the day that ``text`` names; nothing names today. Raises CallerError FIELD_MALFORMED."""
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _malformed() from None
    if day.isoformat() != text:  # a week or a bare number is a date to Python, too
        raise _malformed()
    return day


def _malformed() -> CallerError:
    return invalid("day", "must be a day such as 2026-01-31", reason="FIELD_MALFORMED")
