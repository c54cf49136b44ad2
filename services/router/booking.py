"""The books of one call: opened before anybody is asked, closed however it ends."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from services.chassis.clock import Clock, Ids
from services.router.core import account
from services.router.core.account import Attempt, Span
from services.router.core.plan import Plan
from services.router.ports import Ledger, Reply, Unanswered, Watcher


class Spawn(Protocol):
    """Runs work that outlives the call it belongs to."""

    def __call__(self, coro: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        """Start ``coro`` beside the calls."""
        ...


@dataclass(frozen=True, kw_only=True)
class Bookkeeper:
    """Opens a booking for every call that goes to the providers."""

    ledger: Ledger
    watchers: Sequence[Watcher]
    clock: Clock
    ids: Ids
    spawn: Spawn

    async def open(self, plan: Plan, decision_id: str) -> "Booking":
        """Begin a call."""
        began, started_at = self.clock.monotonic(), self.clock.now()

        def span() -> Span:
            return Span(started_at=started_at, duration=timedelta(seconds=self.clock.monotonic() - began))

        return Booking(keeper=self, plan=plan, call_id=self.ids.new(), decision_id=decision_id, span=span)


@dataclass(frozen=True, kw_only=True)
class Booking:
    """One call on its way. Exactly one of ``answered``, ``failed`` and ``abandoned`` closes it."""

    keeper: Bookkeeper
    plan: Plan
    call_id: str
    decision_id: str
    span: Callable[[], Span]
    """Return the time from the start of the call until now."""

    async def answered(self, reply: Reply, first_token_after: timedelta | None = None) -> tuple[Attempt, ...]:
        """Book an answer and return its tries, the winner last; what it cost is on the ledger by then."""
        span = replace(self.span(), first_token_after=first_token_after)
        attempts = account.answered(
            self.plan,
            winner=reply.provider,
            count=reply.attempts,
            usage=reply.usage,
            span=span,
            took=reply.duration,
        )
        # The write goes on where the caller leaves meanwhile: the tokens are spent all the same.
        await asyncio.shield(self._book_later(attempts))
        return attempts

    def failed(self, failure: Unanswered, *, provider: str = "", sent: int = 0) -> None:
        """Book a call that nobody answered whole; ``provider`` had sent so many characters."""
        attempts = account.failed(
            self.plan,
            last=provider or failure.provider,
            count=failure.attempts,
            reason=failure.error.reason,
            span=self.span(),
            sent_characters=sent,
        )
        self._book_later(attempts)

    def abandoned(self, *, provider: str = "", sent: int = 0) -> None:
        """Book a call whose caller went away."""
        self._book_later(account.abandoned(self.plan, span=self.span(), provider=provider, sent_characters=sent))

    def _book_later(self, attempts: Sequence[Attempt]) -> "asyncio.Task[None]":
        for watcher in self.keeper.watchers:
            watcher.count(self.plan, attempts)
        booking = self.keeper.ledger.record(self.call_id, self.decision_id, attempts)
        return self.keeper.spawn(booking, name="book spend")
