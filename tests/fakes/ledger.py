"""The rules of spend in memory: what reservations and settlements do to the counters, as plainly as they can be said.

It is the oracle that PostgreSQL's functions are compared with, and a Ledger for tests that need no database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from services.router.core.account import Attempt
from services.router.core.spend.limits import Limit
from services.router.core.spend.refusal import Dimension, Refusal, Scope
from services.router.core.spend.reservation import Claim, Grant, Payer, Reservation
from services.router.core.spend.settlement import Hold, Settlement

Key = tuple[str, date, Scope, str]


@dataclass(slots=True)
class Counter:
    """What one tenant or user has spent and promised in a day."""

    spent_micro_usd: int = 0
    held_micro_usd: int = 0
    spent_tokens: int = 0
    held_tokens: int = 0
    requests: int = 0

    def left(self, limit: Limit, dimension: Dimension) -> int | None:
        """Return what remains of ``limit``."""
        match dimension:
            case Dimension.MICRO_USD:
                most, used = limit.micro_usd, self.spent_micro_usd + self.held_micro_usd
            case Dimension.TOKENS:
                most, used = limit.tokens, self.spent_tokens + self.held_tokens
            case Dimension.REQUESTS:
                most, used = limit.requests, self.requests
        return None if most is None else max(0, most - used)


@dataclass(slots=True)
class Held:
    """A call in flight."""

    payer: Payer
    claims: list[Claim]
    started_at: datetime


@dataclass(slots=True, kw_only=True)
class FakeLedger:
    """Implements the Ledger port."""

    counters: dict[Key, Counter] = field(default_factory=dict)
    holds: dict[str, Held] = field(default_factory=dict)
    rows: dict[tuple[str, int], tuple[Payer, Attempt]] = field(default_factory=dict)

    async def reserve(self, reservation: Reservation) -> Grant | Refusal:
        """Set aside what fits, the first model first."""
        if held := self.holds.get(reservation.call_id):
            return self._grant(reservation, held.claims)
        limits = self._limits(reservation)
        for scope, limit, counter in limits:
            if counter.left(limit, Dimension.REQUESTS) == 0:
                return _refusal(scope, limit, counter, Dimension.REQUESTS)
        taken: list[Claim] = []
        for claim in reservation.claims:
            if not _lacking(limits, (*taken, claim)):
                taken.append(claim)
        if not taken:
            return _refusal(*_lacking(limits, reservation.claims[:1])[0])
        for _, _, counter in limits:
            _hold(counter, taken, +1)
            counter.requests += 1
        self.holds[reservation.call_id] = Held(reservation.payer, taken, reservation.started_at)
        return self._grant(reservation, taken)

    async def settle(self, settlement: Settlement) -> None:
        """Book what is open, release what is known."""
        held = self.holds.get(settlement.call_id)
        if held is None and any(call_id == settlement.call_id for call_id, _ in self.rows):
            return
        counters = [self._counter(settlement.payer, scope) for scope in Scope]
        for attempt in settlement.attempts:
            key = settlement.call_id, attempt.number
            is_open = held is None or any(claim.provider == attempt.model.provider for claim in held.claims)
            if not is_open or key in self.rows:
                continue
            self.rows[key] = settlement.payer, attempt
            for counter in counters:
                counter.spent_micro_usd += attempt.micro_usd
                counter.spent_tokens += attempt.usage.input_tokens + attempt.usage.output_tokens
        if held is None:
            return
        released = [claim for claim in held.claims if claim.provider not in settlement.open]
        held.claims = [claim for claim in held.claims if claim.provider in settlement.open]
        for counter in counters:
            _hold(counter, released, -1)
            counter.requests -= settlement.void
        if not held.claims:
            del self.holds[settlement.call_id]

    async def overdue(self, most: int) -> Sequence[Hold]:
        """Return every hold: here, all calls are over."""
        return [
            Hold(
                call_id=call_id,
                payer=held.payer,
                claims=tuple(held.claims),
                started_at=held.started_at,
                overdue=timedelta(seconds=1),
            )
            for call_id, held in list(self.holds.items())[:most]
        ]

    def _counter(self, payer: Payer, scope: Scope) -> Counter:
        subject = payer.subject if scope is Scope.USER else ""
        return self.counters.setdefault((payer.tenant, payer.day, scope, subject), Counter())

    def _limits(self, reservation: Reservation) -> list[tuple[Scope, Limit, Counter]]:
        ceilings, payer = reservation.ceilings, reservation.payer
        return [
            (Scope.TENANT, ceilings.tenant, self._counter(payer, Scope.TENANT)),
            (Scope.USER, ceilings.user, self._counter(payer, Scope.USER)),
        ]

    def _grant(self, reservation: Reservation, claims: Iterable[Claim]) -> Grant:
        limits = self._limits(reservation)
        rooms = [counter.left(limit, Dimension.MICRO_USD) for _, limit, counter in limits]
        return Grant(
            providers=tuple(claim.provider for claim in claims),
            room_micro_usd=min((room for room in rooms if room is not None), default=None),
            tenant_room_micro_usd=rooms[0],
            tenant_held_micro_usd=limits[0][2].held_micro_usd,
        )


def _hold(counter: Counter, claims: Iterable[Claim], sign: int) -> None:
    for claim in claims:
        counter.held_micro_usd += sign * claim.micro_usd
        counter.held_tokens += sign * claim.tokens


def _lacking(
    limits: Sequence[tuple[Scope, Limit, Counter]], claims: Sequence[Claim]
) -> list[tuple[Scope, Limit, Counter, Dimension]]:
    """Return every limit that ``claims`` together do not fit into; what is free needs no room."""
    needs = {
        Dimension.MICRO_USD: sum(claim.micro_usd for claim in claims),
        Dimension.TOKENS: sum(claim.tokens for claim in claims),
    }
    return [
        (scope, limit, counter, dimension)
        for dimension, need in needs.items()
        for scope, limit, counter in limits
        if (left := counter.left(limit, dimension)) is not None and need > left
    ]


def _refusal(scope: Scope, limit: Limit, counter: Counter, dimension: Dimension) -> Refusal:
    most = {Dimension.MICRO_USD: limit.micro_usd, Dimension.TOKENS: limit.tokens, Dimension.REQUESTS: limit.requests}
    return Refusal(
        scope=scope,
        dimension=dimension,
        limit=most[dimension] or 0,
        remaining=counter.left(limit, dimension) or 0,
        room_micro_usd=None,
        tenant_room_micro_usd=None,
    )
