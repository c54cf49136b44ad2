"""An answer, and how it came about."""

from dataclasses import dataclass

from services.router.core.account import Attempt
from services.router.core.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer and how it came about."""

    text: str
    """Empty at the end of a stream."""
    plan: Plan
    call_id: str
    """What the ledger and the adapters know the call by."""
    provider: str
    model_version: str
    attempts: tuple[Attempt, ...]
    """The winner last."""
    started: int
    """Tries that were started, hedges included."""
    truncated: bool
    recoveries: int = 0
    """Times that a broken stream was taken up again."""
    reserved_micro_usd: int = 0
    """What was set aside before the first try for all that might be in flight."""
