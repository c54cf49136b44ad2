"""An answer, and how it came about."""

from dataclasses import dataclass
from datetime import timedelta

from services.router.core.account import Attempt
from services.router.core.caching.use import Level
from services.router.core.plan import Plan
from services.router.core.vote import Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheHit:
    """Where an answer was found without asking a model for it."""

    level: Level
    source_call_id: str
    """The call that made it."""
    model: str
    """The model that gave it."""
    age: timedelta
    similarity: float = 1.0
    """Cosine of the two questions; 1 for an identical one."""


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
    vote: Vote | None = None
    """How several models agreed on it; None where one answered alone."""
    cache_hit: CacheHit | None = None
    """Set where no model was asked for it; it has no attempts then."""

    @property
    def model(self) -> str:
        """Return the model that gave it, as the catalogue names it."""
        return self.cache_hit.model if self.cache_hit else self.attempts[-1].model.name

    @property
    def repeatable(self) -> bool:
        """Tell whether it may be given again to whoever asks the same: it is whole, and nobody doubts it."""
        return not self.truncated and (self.vote is None or self.vote.agreed)
