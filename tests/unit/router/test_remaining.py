"""What is known of budgets without a look at the store."""

from datetime import datetime, timedelta

import pytest

from services.router.core.spend.reservation import Grant
from services.router.planning.remaining import Remaining
from tests.contract.spend import NOW, claim, payer, reservation


class Wall:
    """A clock that is put where a test wants it."""

    time: datetime = NOW

    def now(self) -> datetime:
        """Return the wall clock time."""
        return self.time

    def monotonic(self) -> float:
        """Return the same as seconds."""
        return self.time.timestamp()


@pytest.mark.spec("RTR-16")
def test_what_was_left_of_yesterday_says_nothing_about_today() -> None:
    """After midnight UTC a new budget begins, and nothing is known of it yet."""
    clock = Wall()
    remaining = Remaining(clock=clock)
    remaining.granted(
        reservation("call-1", claim("openai", 100), who=payer("ada")),
        Grant(providers=("openai",), room_micro_usd=7, tenant_room_micro_usd=9, tenant_held_micro_usd=100),
    )
    before = remaining.micro_usd("acme", "ada")
    clock.time = NOW + timedelta(days=1)

    assert (before, remaining.micro_usd("acme", "ada")) == (7, None)
