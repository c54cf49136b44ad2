"""What sets spend aside and writes it down, who knows what was spent, and who wants to hear of it."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from services.router.core.account import Attempt
from services.router.core.plan import Plan
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.reservation import Grant, Reservation
from services.router.core.spend.settlement import Hold, Settlement
from services.router.core.spend.statement import Statement
from services.router.core.spend.testimony import Testimony


class Ledger(Protocol):
    """Where spend is set aside and written down for good, the same for every replica."""

    async def reserve(self, reservation: Reservation) -> Grant | Refusal:
        """Set aside what fits, once for a call. Raises WorldError STORE_UNAVAILABLE."""
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Book tries and release what they had held, once each. Raises WorldError STORE_UNAVAILABLE."""
        ...

    async def overdue(self, most: int) -> Sequence[Hold]:
        """Return holds whose calls must be over, for this caller alone for a while. Raises as ``settle``."""
        ...


class Accounts(Protocol):
    """Reads what was set aside and written down."""

    async def statement(self, tenant: str, day: date, subject: str | None) -> Statement:
        """Return a day of ``tenant``, with every user or only ``subject``. Raises WorldError STORE_UNAVAILABLE."""
        ...


class Witness(Protocol):
    """Knows what became of the tries at one provider."""

    async def ask(self, call_id: str, provider: str, within_s: float) -> Testimony | None:
        """Return what the provider's adapter knows; None where it cannot be asked now."""
        ...


class Watcher(Protocol):
    """Whoever learns from how tries ended: counters, latencies, breakers. Must not block."""

    def count(self, plan: Plan, attempts: Sequence[Attempt], hedges: int) -> None:
        """Count tries of one call that was made by ``plan``, of which ``hedges`` joined another that was silent.

        What is known later comes in a later call.
        """
        ...


class Till(Protocol):
    """Whoever wants to know what budgets have left and what is held. Must not block."""

    def granted(self, reservation: Reservation, grant: Grant) -> None:
        """Note that a call was let through."""
        ...

    def refused(self, reservation: Reservation, refusal: Refusal) -> None:
        """Note that a call was not let through."""
        ...
