"""What a provider's adapter tells of the tries of one call."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.router.core.account import Outcome, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One try that has ended."""

    outcome: Outcome
    started_at: datetime
    duration: timedelta
    usage: Usage
    first_token_after: timedelta | None = None
    reason: str = ""
    key_fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """All that one adapter knows of a call."""

    tries: tuple[Told, ...]
    """Oldest first."""
    running: int
    """Tries that have not ended yet."""
    remembers_since: datetime
    """What came before this, the adapter may have forgotten."""

    def covers(self, began: datetime) -> bool:
        """Tell whether no try of a call that ``began`` then can be missing here."""
        return self.remembers_since <= began
