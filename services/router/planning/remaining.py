"""What budgets had left when this process last looked, for choices that would rather not meet the limit."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date

from services.chassis.clock import Clock
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.reservation import Grant, Reservation

MOST_USERS = 10_000
"""Users that are remembered, the latest ones."""


@dataclass(kw_only=True)
class Remaining:
    """Implements the Till port: a hint that costs no look-up. The limit itself is kept in the store."""

    clock: Clock
    _rooms: "OrderedDict[tuple[str, str], tuple[date, int | None]]" = field(default_factory=OrderedDict)

    def granted(self, reservation: Reservation, grant: Grant) -> None:
        """Note what a call left."""
        self._note(reservation, grant.room_micro_usd)

    def refused(self, reservation: Reservation, refusal: Refusal) -> None:
        """Note what was too little for a call."""
        self._note(reservation, refusal.room_micro_usd)

    def micro_usd(self, tenant: str, subject: str) -> int | None:
        """Return what today's tightest limit left at last; None where nothing is known, or nothing limited."""
        day, room = self._rooms.get((tenant, subject), (None, None))
        if room is None or day != self.clock.now().date():
            return None
        return max(room, 0)

    def _note(self, reservation: Reservation, room: int | None) -> None:
        payer = reservation.payer
        key = payer.tenant, payer.subject
        self._rooms[key] = (payer.day, room)
        self._rooms.move_to_end(key)
        if len(self._rooms) > MOST_USERS:
            self._rooms.popitem(last=False)
