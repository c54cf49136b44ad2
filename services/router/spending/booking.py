"""The books of one call: opened before anybody is asked, closed however it ends."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.chassis import call
from services.chassis.clock import Clock, Ids
from services.router.core import account
from services.router.core.account import Attempt, Outcome, Span
from services.router.core.hedging import hedges
from services.router.core.plan import Plan
from services.router.core.spend import refusal
from services.router.core.spend.limits import Budgets
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.reservation import Claim, Grant, Payer, Reservation, claims_of, trimmed
from services.router.core.spend.settlement import Evidence, Reckoning, Settlement, reckon, unknown_try
from services.router.core.spend.testimony import Testimony
from services.router.ports import Ledger, Reply, Spawn, Till, Watcher
from services.router.spending.inquest import Case, Inquest

Watch = Callable[[Sequence[Attempt]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What calls may cost, and how long they may take."""

    budgets: Budgets
    request_micro_usd: int
    """All tries of one request together."""
    hold: timedelta
    """Time after which a hold without an end is somebody else's to settle."""


@dataclass(frozen=True, kw_only=True)
class Bookkeeper:
    """Opens a booking for every call that goes to the providers."""

    ledger: Ledger
    inquest: Inquest
    allowance: Allowance
    watchers: Sequence[Watcher]
    tills: Sequence[Till]
    clock: Clock
    ids: Ids
    spawn: Spawn

    async def open(self, plan: Plan, decision_id: str, intent_key: str = "") -> "Booking":
        """Set aside what the call may cost at most.

        Raises:
            MeshError: COST_LIMIT, BUDGET_EXCEEDED or STORE_UNAVAILABLE; nobody was asked then, and nothing stays held.
        """
        began, started_at = self.clock.monotonic(), self.clock.now()
        who = call.current().principal
        payer = Payer(
            tenant=call.tenant(),
            subject=who.subject,
            decision_id=decision_id,
            day=started_at.date(),
            intent_key=intent_key,
        )
        reservation = Reservation(
            call_id=self.ids.new(),
            payer=payer,
            claims=claims_of(plan, self.allowance.request_micro_usd),
            ceilings=self.allowance.budgets.of(payer.tenant, payer.subject),
            started_at=started_at,
            hold=self.allowance.hold,
        )
        grant = await self._reserve(reservation)

        def span() -> Span:
            return Span(started_at=started_at, duration=timedelta(seconds=self.clock.monotonic() - began))

        return Booking(
            keeper=self,
            plan=trimmed(plan, grant.providers),
            claims=tuple(claim for claim in reservation.claims if claim.provider in grant.providers),
            call_id=reservation.call_id,
            payer=payer,
            span=span,
        )

    async def _reserve(self, reservation: Reservation) -> Grant:
        try:
            answer = await self.ledger.reserve(reservation)
        except BaseException:
            # The store may have set it aside all the same: its word was lost, or the caller left while it came.
            void = Settlement(call_id=reservation.call_id, payer=reservation.payer, void=True)
            self.spawn(self.inquest.settle_surely(void), name="void reservation")
            raise
        if isinstance(answer, Refusal):
            for till in self.tills:
                till.refused(reservation, answer)
            raise refusal.exceeded(answer, self.clock.now())
        for till in self.tills:
            till.granted(reservation, answer)
        return answer


@dataclass(frozen=True, kw_only=True)
class Booking:
    """One call on its way. Exactly one of ``answered``, ``failed`` and ``abandoned`` closes it."""

    keeper: Bookkeeper
    plan: Plan
    """As it was planned, without whom the budget would not cover: this is the plan to carry out."""
    claims: tuple[Claim, ...]
    call_id: str
    payer: Payer
    span: Callable[[], Span]
    """Return the time from the start of the call until now."""
    broken: set[str] = field(default_factory=set)
    """Providers whose streamed answers broke off."""

    def broke(self, provider: str) -> None:
        """Note that the answer of ``provider`` broke off under way; the call may go on with others."""
        self.broken.add(provider)

    @property
    def reserved_micro_usd(self) -> int:
        """Return what is set aside for all tries that may be in flight."""
        return sum(claim.micro_usd for claim in self.claims)

    async def answered(self, reply: Reply, first_token_after: timedelta | None = None) -> tuple[Attempt, ...]:
        """Return the tries of an answer, the winner last, and book them beside the calls.

        The answer does not wait for the ledger: what it may cost is held there durably, and whatever becomes of this
        process, the hold is settled with the same truth. A try whose end is not known yet is returned as UNKNOWN at the
        most that it can cost, and booked with the truth a little later.
        """
        span = replace(self.span(), first_token_after=first_token_after)
        model = self.plan.model_of(reply.provider)
        won = account.won(model, reply.usage, span, reply.duration)
        testimonies = await self._testimonies(reply, span.started_at)
        evidence = Evidence(began=span.started_at, testimonies=testimonies, won=won, started=reply.attempts)
        reckoning = reckon(self.claims, evidence)
        reckoning = replace(reckoning, attempts=account.broken_off(reckoning.attempts, self.broken))
        self._watch(reckoning.attempts, hedges(self.plan, reply.attempts, reckoning.attempts))
        self._pursue(reckoning, watch=self._watch)
        pending = (unknown_try(claim, span.started_at) for claim in (*reckoning.running, *reckoning.lost))
        return (*account.broken_off(tuple(pending), self.broken), *reckoning.attempts)

    async def _testimonies(self, reply: Reply, began: datetime) -> Mapping[str, Testimony]:
        """Return what is told of the tries: the winner's adapter did with its reply, the others are asked."""
        told = {reply.provider: Testimony(tries=reply.tries, running=0, remembers_since=began)} if reply.tries else {}
        if reply.attempts == 1:
            return told
        others = [claim for claim in self.claims if claim.provider not in told]
        try:
            return {**told, **await self.keeper.inquest.hear_in_time(self.call_id, others)}
        except asyncio.CancelledError:
            self._pursue(Reckoning(lost=self.claims), watch=self._watch_all)
            raise

    def failed(self) -> None:
        """Book a call that nobody answered whole: its adapters tell more exactly than whoever lost the answer."""
        self._pursue(Reckoning(lost=self.claims), watch=self._watch_all)

    def abandoned(self) -> None:
        """Book a call whose caller went away, or whose time is over."""
        self._pursue(Reckoning(lost=self.claims), watch=self._watch_all if call.is_over() else self._watch_left)

    def _pursue(self, reckoning: Reckoning, *, watch: Watch) -> None:
        """Write what is known, and go on until every try is, beside the calls."""
        case = Case(
            call_id=self.call_id,
            payer=self.payer,
            began=self.span().started_at,
            open=reckoning.open,
            unwritten=reckoning.attempts,
            broken=frozenset(self.broken),
        )
        self.keeper.spawn(self.keeper.inquest.pursue(case, watch), name="book tries")

    def _watch(self, attempts: Sequence[Attempt], fired: int = 0) -> None:
        for watcher in self.keeper.watchers:
            watcher.count(self.plan, attempts, fired)

    def _watch_all(self, attempts: Sequence[Attempt]) -> None:
        """Tell watchers of a call that nobody answered: none of its tries was overtaken, their time was over."""
        self._watch_ended(attempts, "DEADLINE_EXPIRED")

    def _watch_left(self, attempts: Sequence[Attempt]) -> None:
        """Tell watchers of tries that were taken back because the caller left: that speaks against no provider."""
        self._watch_ended(attempts, "CANCELLED")

    def _watch_ended(self, attempts: Sequence[Attempt], reason: str) -> None:
        # The proxy told nothing of this call: its tries tell which of them joined.
        told = [_taken_back(attempt, reason) for attempt in attempts]
        self._watch(told, hedges(self.plan, len(attempts), attempts))


def _taken_back(attempt: Attempt, reason: str) -> Attempt:
    """Return ``attempt`` with the ``reason`` for which it was taken back, where it was."""
    taken_back = attempt.outcome is Outcome.CANCELLED and not attempt.reason
    return replace(attempt, reason=reason) if taken_back else attempt
