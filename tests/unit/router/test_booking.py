"""The books of one call: the answer waits for nobody, and the ledger gets the truth."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.chassis import call
from services.chassis.call import Call, Principal
from services.chassis.clock import RandomIds, SystemClock
from services.chassis.errors import MeshError, unavailable
from services.router.core.account import Attempt, Outcome, Usage
from services.router.core.plan import Plan
from services.router.core.spend import testimony
from services.router.core.spend.limits import Budgets, Limit, TenantLimits
from services.router.core.spend.settlement import Settlement
from services.router.core.spend.testimony import Told
from services.router.ports import Reply
from services.router.spending.booking import Allowance, Booking, Bookkeeper
from services.router.spending.inquest import Inquest
from tests.fakes.ledger import FakeLedger
from tests.unit.router.requests import POLICY, planned

PLAN = planned(POLICY)
USED = Usage(input_tokens=10, output_tokens=5, estimated=False)
AWAY = unavailable("STORE_UNAVAILABLE", "gone")


@dataclass(slots=True)
class FakeWitness:
    """Says what a test has it say, its last word for ever; a provider of which nothing is said cannot be asked."""

    words: dict[str, list[testimony.Testimony]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with the first question."""

    async def ask(self, _call_id: str, provider: str, _within_s: float) -> testimony.Testimony | None:
        """Return the next word of ``provider``."""
        self.asked.append(provider)
        self.began.set()
        await asyncio.sleep(0)
        words = self.words.get(provider, [])
        return words.pop(0) if len(words) > 1 else next(iter(words), None)


@dataclass(slots=True, kw_only=True)
class FailingLedger(FakeLedger):
    """Is away for the next settlements."""

    away: int = 0

    async def settle(self, settlement: Settlement) -> None:
        """Fail, or settle."""
        if self.away:
            self.away -= 1
            raise AWAY
        await FakeLedger.settle(self, settlement)


@dataclass(slots=True)
class Watching:
    """Remembers what it was told."""

    seen: list[Attempt] = field(default_factory=list)

    def count(self, _plan: Plan, attempts: Sequence[Attempt], _hedges: int) -> None:
        """Remember."""
        self.seen += attempts


class Room:
    """A bookkeeper with fakes around it."""

    def __init__(self, **words: list[testimony.Testimony]) -> None:
        self.ledger, self.witness, self.watching = FailingLedger(), FakeWitness(dict(words)), Watching()
        self.tasks: list[asyncio.Task[None]] = []
        self.keeper = Bookkeeper(
            ledger=self.ledger,
            inquest=Inquest(ledger=self.ledger, witness=self.witness, pauses_s=(0.0, 0.0)),
            allowance=Allowance(
                budgets=Budgets(default=TenantLimits(tenant=Limit(micro_usd=10_000), user=Limit())),
                request_micro_usd=500_000,
                hold=timedelta(seconds=60),
            ),
            watchers=(self.watching,),
            tills=(),
            clock=SystemClock(),
            ids=RandomIds(),
            spawn=self.spawn,
        )

    def spawn(self, coro: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        """Run beside the calls."""
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self.tasks.append(task)
        return task

    async def open(self) -> Booking:
        """Begin a call of ada at acme."""
        call.enter(Call(principal=Principal(tenant="acme", subject="ada")))
        return await self.keeper.open(PLAN, "decision-1")

    async def ends(self) -> list[tuple[str, Outcome]]:
        """Return who is on the ledger, and how each try ended, once all is done."""
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return [(row.model.provider, row.outcome) for _, (_, row) in sorted(self.ledger.rows.items())]


def reply(attempts: int, *tries: Told) -> Reply:
    """Return an answer of openai after so many tries."""
    return Reply(
        text="…",
        provider="openai",
        model_version="",
        usage=USED,
        truncated=False,
        attempts=attempts,
        duration=timedelta(seconds=0.1),
        tries=tries,
    )


def says(*tries: Told, running: int = 0, since: datetime | None = None) -> testimony.Testimony:
    """Return a word of an adapter that remembers everything unless told."""
    return testimony.Testimony(tries=tries, running=running, remembers_since=since or datetime(2020, 1, 1, tzinfo=UTC))


def ended(outcome: Outcome) -> Told:
    """Return a try that ended so."""
    now = datetime.now(UTC)
    return Told(outcome=outcome, started_at=now, duration=timedelta(seconds=1), usage=USED)


async def test_one_try_asks_nobody() -> None:
    """Where the proxy counted one, the reply says all there is to know."""
    room = Room()
    attempts = await (await room.open()).answered(reply(1))

    assert [attempt.outcome for attempt in attempts] == [Outcome.WON]
    assert (room.witness.asked, await room.ends()) == ([], [("openai", Outcome.WON)])
    assert room.ledger.holds == {}


@pytest.mark.spec("PRV-15", "T18")
async def test_what_the_winner_s_adapter_tried_before_is_booked_without_a_question() -> None:
    """A key that was refused and an answer that had to be mended are tries of their own, each with its key."""
    room = Room()
    refused = replace(ended(Outcome.FAILED), reason="PROVIDER_RATE_LIMITED", key_fingerprint="aaaa")
    won = replace(ended(Outcome.WON), key_fingerprint="bbbb", first_token_after=timedelta(seconds=0.2))
    attempts = await (await room.open()).answered(reply(1, refused, won))

    assert [(one.outcome, one.key_fingerprint) for one in attempts] == [
        (Outcome.FAILED, "aaaa"),
        (Outcome.WON, "bbbb"),
    ]
    assert attempts[-1].first_token_after == timedelta(seconds=0.2)
    assert (room.witness.asked, await room.ends()) == ([], [("openai", Outcome.FAILED), ("openai", Outcome.WON)])


@pytest.mark.spec("T18", "RTR-03")
async def test_a_loser_that_was_taken_back_is_in_the_answer_and_on_the_ledger() -> None:
    """Its adapter tells in time; the winner comes last."""
    room = Room(local=[says(ended(Outcome.CANCELLED))], openai=[says(ended(Outcome.WON))])
    attempts = await (await room.open()).answered(reply(2))

    assert [attempt.outcome for attempt in attempts] == [Outcome.CANCELLED, Outcome.WON]
    assert await room.ends() == [("local", Outcome.CANCELLED), ("openai", Outcome.WON)]


async def test_a_loser_that_goes_on_is_unknown_in_the_answer_and_exact_on_the_ledger() -> None:
    """The answer tells the most that it can cost; its claim stays held until the truth is booked."""
    room = Room(local=[says(running=1), says(running=1), says(ended(Outcome.CANCELLED))])
    booking = await room.open()
    attempts = await booking.answered(reply(2))
    while not room.ledger.rows:  # noqa: ASYNC110 - the ledger is a value and tells nobody
        await asyncio.sleep(0)
    held = {claim.provider for hold in room.ledger.holds.values() for claim in hold.claims}

    assert [attempt.outcome for attempt in attempts] == [Outcome.UNKNOWN, Outcome.WON]
    assert attempts[0].micro_usd == booking.claims[0].micro_usd
    assert held == {"local"}
    assert await room.ends() == [("local", Outcome.CANCELLED), ("openai", Outcome.WON)]
    assert room.ledger.holds == {}
    assert [attempt.outcome for attempt in room.watching.seen] == [Outcome.WON, Outcome.CANCELLED]


async def test_a_loser_whose_adapter_stays_away_is_booked_whole() -> None:
    """It is asked several times, and then an upper bound is booked."""
    room = Room(openai=[says(ended(Outcome.WON))])
    booking = await room.open()
    await booking.answered(reply(2))

    assert await room.ends() == [("local", Outcome.UNKNOWN), ("openai", Outcome.WON)]
    assert room.witness.asked.count("local") > 2


async def test_a_caller_that_leaves_while_the_losers_are_asked_leaves_nothing_unbilled() -> None:
    """Nobody got the answer, so its try counts as taken back; what it cost is booked all the same."""
    room = Room(local=[says(ended(Outcome.CANCELLED))], openai=[says(ended(Outcome.WON))])
    booking = await room.open()
    asking = asyncio.ensure_future(booking.answered(reply(2)))
    await room.witness.began.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await room.ends() == [("local", Outcome.CANCELLED), ("openai", Outcome.CANCELLED)]
    assert room.ledger.holds == {}


async def test_a_failed_call_is_booked_as_its_adapters_saw_it() -> None:
    """One failed, the other was never asked: one row, and nothing held."""
    room = Room(local=[says(ended(Outcome.FAILED))], openai=[says()])
    (await room.open()).failed()

    assert await room.ends() == [("local", Outcome.FAILED)]
    assert room.ledger.holds == {}


async def test_an_answer_that_cannot_be_booked_now_is_given_and_booked_later() -> None:
    """What it may cost is held by then; the spend is written once the store is back."""
    room = Room()
    booking = await room.open()
    room.ledger.away = 2
    attempts = await booking.answered(reply(1))

    assert [attempt.outcome for attempt in attempts] == [Outcome.WON]
    assert room.ledger.holds
    assert await room.ends() == [("openai", Outcome.WON)]
    assert room.ledger.holds == {}


async def test_what_is_told_twice_is_billed_once() -> None:
    """A reply that is booked again changes nothing."""
    room = Room()
    booking = await room.open()
    await booking.answered(reply(1))
    before = dict(room.ledger.counters)
    await booking.answered(reply(1))

    assert await room.ends() == [("openai", Outcome.WON)]
    assert room.ledger.counters == before


async def test_a_refused_call_leaves_nothing() -> None:
    """Neither hold nor row, and the next call that fits is let through."""
    room = Room()
    room.keeper = Bookkeeper(
        **{
            name: getattr(room.keeper, name)
            for name in ("ledger", "inquest", "watchers", "tills", "clock", "ids", "spawn")
        },
        allowance=Allowance(
            budgets=Budgets(default=TenantLimits(tenant=Limit(requests=1), user=Limit())),
            request_micro_usd=500_000,
            hold=timedelta(seconds=60),
        ),
    )
    booking = await room.open()
    with pytest.raises(MeshError) as caught:
        await room.open()
    await booking.answered(reply(1))

    assert caught.value.reason == "BUDGET_EXCEEDED"
    assert await room.ends() == [("openai", Outcome.WON)]
