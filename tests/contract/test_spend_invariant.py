"""Spend never overruns, whatever is reserved, settled, lost, repeated or expired, in any order and over midnight."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.router.adapters.ledger import PostgresLedger
from services.router.core.account import Outcome
from services.router.core.spend.limits import Limit
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.reservation import Claim, Grant, Reservation
from services.router.core.spend.settlement import Settlement, unknown_try
from services.router.ports import Ledger
from tests.contract.spend import NOW, attempt, claim, emptied, payer, reservation
from tests.fakes.ledger import Counter, FakeLedger, Key
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool

_T = TypeVar("_T")
PROVIDERS = ("local", "openai", "anthropic")
LIMITS = st.builds(
    Limit,
    micro_usd=st.sampled_from([None, 0, 500, 1_000]),
    tokens=st.sampled_from([None, 60, 200]),
    requests=st.sampled_from([None, 5, 12]),
)
CALLS = st.integers(0, 14).map(lambda number: f"call-{number}")
"""Few ids, so that the same one comes twice."""


@st.composite
def claims(draw: st.DrawFn) -> tuple[Claim, ...]:
    """Draw an order of one to three providers, some of them free."""
    order = draw(st.lists(st.sampled_from(PROVIDERS), min_size=1, max_size=3, unique=True))
    return tuple(
        claim(provider, 10 * draw(st.integers(0, 30)), place=place) for place, provider in enumerate(order, start=1)
    )


class Spend(RuleBasedStateMachine):
    """Drives one ledger and, beside it, the rules said plainly; both must say the same and keep the limits."""

    def __init__(self) -> None:
        super().__init__()
        self.oracle = FakeLedger()
        self.granted: dict[str, tuple[Reservation, Grant]] = {}
        self.voided: set[str] = set()
        """Calls that were never made: of those no try is ever told."""
        self.unasked: set[tuple[str, str]] = set()
        """Call and provider of which a settlement said that it was never asked: no later one tells a try of it."""
        self.day = NOW.date()
        self.tenant = self.user = Limit()

    @initialize(tenant=LIMITS, user=LIMITS)
    def limit(self, tenant: Limit, user: Limit) -> None:
        """Set what tenant and users may have."""
        self.tenant, self.user = tenant, user

    @property
    def ledger(self) -> Ledger:
        """Return the ledger that is proved."""
        return self.oracle

    def wait(self, coroutine: Coroutine[Any, Any, _T]) -> _T:  # Any: nobody sends into it
        """Run a step."""
        return asyncio.run(coroutine)

    @rule(call_id=CALLS, subject=st.sampled_from(["ada", "bob"]), order=claims())
    def reserve(self, call_id: str, subject: str, order: tuple[Claim, ...]) -> None:
        """Ask to be let through; a repeated id repeats the first asking, as a lost answer makes a caller do."""
        if call_id in self.granted:
            asked = self.granted[call_id][0]
            if call_id not in self.oracle.holds:
                return  # ids are never used again for another call
        else:
            who = payer(subject, day=self.day)
            asked = reservation(call_id, *order, who=who, tenant=self.tenant, user=self.user)
        expected = self.wait(self.oracle.reserve(asked))
        if self.ledger is not self.oracle:
            answer = self.wait(self.ledger.reserve(asked))
            if isinstance(expected, Refusal):
                assert isinstance(answer, Refusal)
                for part in ("scope", "dimension", "limit", "remaining"):
                    assert getattr(answer, part) == getattr(expected, part)
            else:
                assert answer == expected
        if isinstance(expected, Grant):
            self.granted.setdefault(call_id, (asked, expected))

    @precondition(lambda self: self.granted.keys() - self.voided)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Settle a call, for the first or another time, whole or in part, with any use up to its claims."""
        call_id = data.draw(st.sampled_from(sorted(self.granted.keys() - self.voided)))
        asked, grant = self.granted[call_id]
        held = [one for one in asked.claims if one.provider in grant.providers]
        known = [one for one in held if data.draw(st.booleans())]
        tried = [one for one in known if (call_id, one.provider) not in self.unasked and data.draw(st.booleans())]
        tries = tuple(
            attempt(one, tokens=data.draw(st.integers(0, 10)), outcome=data.draw(st.sampled_from(Outcome)))
            for one in tried
        )
        if hold := self.oracle.holds.get(call_id):
            self.unasked.update((call_id, one.provider) for one in known if one in hold.claims and one not in tried)
        still_open = tuple(one.provider for one in held if one not in known)
        self._settle(Settlement(call_id=call_id, payer=asked.payer, attempts=tries, open=still_open))

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        """Take a reservation back whose call was never made."""
        call_id = data.draw(st.sampled_from(sorted(self.granted)))
        untouched = not any(known == call_id for known, _ in self.oracle.rows)
        held = self.oracle.holds.get(call_id)
        if untouched and held and len(held.claims) == len(self.granted[call_id][1].providers):
            self._settle(Settlement(call_id=call_id, payer=self.granted[call_id][0].payer, void=True))
            self.voided.add(call_id)

    @rule()
    def expire(self) -> None:
        """Close every hold as the reconciler does where nobody knows any more: at its whole claim."""
        for hold in self.wait(self.oracle.overdue(50)):
            unknown = tuple(unknown_try(one, hold.started_at) for one in hold.claims)
            self._settle(Settlement(call_id=hold.call_id, payer=hold.payer, attempts=unknown))

    @rule()
    def midnight(self) -> None:
        """Begin a new UTC day; calls of the old one go on."""
        self.day += timedelta(days=1)

    def _settle(self, settlement: Settlement) -> None:
        self.wait(self.oracle.settle(settlement))
        if self.ledger is not self.oracle:
            self.wait(self.ledger.settle(settlement))

    @invariant()
    def limits_hold(self) -> None:
        """Spent and held together never exceed a limit, in no dimension."""
        for (_, _, scope, _), counter in self.oracle.counters.items():
            limit = self.tenant if scope == "tenant" else self.user
            for used, most in (
                (counter.spent_micro_usd + counter.held_micro_usd, limit.micro_usd),
                (counter.spent_tokens + counter.held_tokens, limit.tokens),
                (counter.requests, limit.requests),
            ):
                assert most is None or used <= most
            assert min(counter.held_micro_usd, counter.held_tokens, counter.requests) >= 0

    @invariant()
    def spent_is_the_ledger(self) -> None:
        """What counters say was spent is the sum of the rows of their day, and what is held that of the holds."""
        for (tenant, day, scope, subject), counter in self.oracle.counters.items():
            rows = [
                row.micro_usd
                for who, row in self.oracle.rows.values()
                if (who.tenant, who.day) == (tenant, day) and (scope == "tenant" or who.subject == subject)
            ]
            held = [
                one.micro_usd
                for hold in self.oracle.holds.values()
                if (hold.payer.tenant, hold.payer.day) == (tenant, day)
                and (scope == "tenant" or hold.payer.subject == subject)
                for one in hold.claims
            ]
            assert (counter.spent_micro_usd, counter.held_micro_usd) == (sum(rows), sum(held))


@pytest.mark.spec("PRV-09", "C14")
def test_the_rules_keep_every_limit() -> None:
    """Any order of reservations, settlements, repetitions, expiries and midnights leaves limits and sums intact."""
    run_state_machine_as_test(Spend, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@pytest.mark.spec("PRV-09", "C14", "PRV-10")
def test_postgresql_keeps_the_rules(database: Database) -> None:
    """The same orders of events on real PostgreSQL: the same answers, the same counters, and the same rows."""
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    pool = loop.run_until_complete(stack.enter_async_context(room_pool(database, "router", pool_max=2)))

    class OnPostgres(Spend):
        """The machine whose ledger is PostgreSQL."""

        @initialize()
        def empty(self) -> None:
            emptied(database)
            self.store = PostgresLedger(pool)

        @property
        def ledger(self) -> Ledger:
            return self.store

        def wait(self, coroutine: Coroutine[Any, Any, _T]) -> _T:  # Any: as above
            return loop.run_until_complete(coroutine)

        @invariant()
        def counters_are_the_oracle_s(self) -> None:
            """Every counter and row of the store is that of the rules."""
            if not hasattr(self, "store"):
                return
            stored = loop.run_until_complete(pool.fetch("select * from budget"))
            counters = {tuple(row)[:4]: tuple(row)[4:] for row in stored}
            expected = {_row(key): _figures(counter) for key, counter in self.oracle.counters.items()}
            assert _used(counters) == _used(expected)
            rows = loop.run_until_complete(pool.fetch("select call_id, attempt, micro_usd from spend"))
            expected_rows = {key: row.micro_usd for key, (_, row) in self.oracle.rows.items()}
            assert {(row["call_id"], row["attempt"]): row["micro_usd"] for row in rows} == expected_rows
            assert len(self.oracle.holds) == loop.run_until_complete(pool.fetchval("select count(*) from hold"))

    try:
        run_state_machine_as_test(
            OnPostgres,
            settings=settings(
                max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()


def _used(counters: Mapping[tuple[object, ...], tuple[object, ...]]) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return the counters but for those at zero, which may be there or not."""
    return {key: figures for key, figures in counters.items() if any(figures)}


def _figures(counter: Counter) -> tuple[object, ...]:
    return (
        counter.spent_micro_usd,
        counter.held_micro_usd,
        counter.spent_tokens,
        counter.held_tokens,
        counter.requests,
    )


def _row(key: Key) -> tuple[object, ...]:
    tenant, day, scope, subject = key
    return tenant, day, scope.value, subject
