"""Budgets on the wire: what does not fit is refused before anybody is asked, and every end of a call is booked once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import cast

import asyncpg
import psycopg
import pytest

from magistrate.common.v1 import usage_pb2
from magistrate.recorder.v1.recorder_pb2 import RECORD_KIND_ATTEMPT, AppendRequest, Entry
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.call import Principal
from services.chassis.errors import Kind, MeshError
from services.chassis.streams import MeshStream
from services.router.core.request import Limits
from services.router.core.spend.limits import Budgets, Limit, TenantLimits
from tests.contract.routing import ADMIN, Mesh, mesh, routing
from tests.fakes.postgres import Database, PostgresServer, fresh_database, migrate, migrator_dsn, room_pool
from tests.fakes.vendors import Answer, Refusal, Silence

PENNY = 10_000
WORD = pb.GenerateRequest(routing=routing(max_output_tokens=100))
BOB = Principal(tenant="acme", subject="bob", roles=("user",))


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Empty all spend and yield the router's own pool."""
    async with room_pool(database, "router", empty=["spend", "hold", "budget"]) as opened:
        yield opened


def budgets(*, tenant: Limit = Limit(), user: Limit = Limit(), **users: Limit) -> Budgets:  # noqa: B008 - frozen
    """Return limits for every tenant."""
    return Budgets(default=TenantLimits(tenant=tenant, user=user, users=users))


async def leave(m: Mesh, request: pb.GenerateRequest = WORD, calls: int = 1) -> None:
    """Ask a vendor that is silent, and leave as soon as it has been reached by all the calls."""
    asking = [asyncio.ensure_future(m.stub.Generate(request)) for _ in range(calls)]
    while m.vendor.count < calls:  # noqa: ASYNC110 - the vendor tells of its first call only
        await asyncio.sleep(0.005)
    for each in asking:
        each.cancel()
    await asyncio.wait(asking)


class Stopped:
    """A clock that stands on the last minute of a day, or wherever a test puts it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the wall clock time."""
        return self.time

    def monotonic(self) -> float:
        """Return the same as seconds."""
        return self.time.timestamp()


async def refused(m: Mesh, request: pb.GenerateRequest = WORD) -> MeshError:
    """Return why a call was not let through."""
    with pytest.raises(MeshError) as caught:
        await m.stub.Generate(request)
    return caught.value


async def spend_a_row(pool: asyncpg.Pool, subject: str, micro_usd: int, day: date | None = None) -> None:
    """Let ``subject`` have spent so much already."""
    for scope, name in (("tenant", ""), ("user", subject)):
        await pool.execute(
            "insert into budget (tenant, day, scope, subject, spent_micro_usd) values ('acme', $1, $2, $3, $4)"
            " on conflict (tenant, day, scope, subject)"
            " do update set spent_micro_usd = budget.spent_micro_usd + $4",
            day or datetime.now(UTC).date(),
            scope,
            name,
            micro_usd,
        )


REFUSALS = {
    "money of the tenant": (budgets(tenant=Limit(micro_usd=5)), "tenant", "micro_usd", "5"),
    "money of the user": (budgets(user=Limit(micro_usd=5)), "user", "micro_usd", "5"),
    "tokens of the tenant": (budgets(tenant=Limit(tokens=50)), "tenant", "tokens", "50"),
    "tokens of the user": (budgets(user=Limit(tokens=50)), "user", "tokens", "50"),
    "requests of the tenant": (budgets(tenant=Limit(requests=0)), "tenant", "requests", "0"),
    "requests of the user": (budgets(user=Limit(requests=0)), "user", "requests", "0"),
}


@pytest.mark.spec("PRV-09", "EDG-33", "C14")
@pytest.mark.parametrize(("limits", "scope", "dimension", "limit"), REFUSALS.values(), ids=REFUSALS)
async def test_a_call_that_no_budget_covers_is_not_made(
    pool: asyncpg.Pool, limits: Budgets, scope: str, dimension: str, limit: str
) -> None:
    """BUDGET_EXCEEDED with scope, limit and what remains; the vendor saw nothing, and nothing is held."""
    async with mesh(pool, budgets=limits) as m:
        error = await refused(m)
        calls, rows = m.vendor.count, await m.ledger()

    assert (error.kind, error.reason, calls, rows) == (Kind.EXHAUSTED, "BUDGET_EXCEEDED", 0, [])
    assert dict(error.metadata) == {"scope": scope, f"limit_{dimension}": limit, f"remaining_{dimension}": limit}
    assert await pool.fetchval("select count(*) from hold") == 0
    assert await pool.fetchval("select sum(held_micro_usd + requests) from budget") == 0


@pytest.mark.spec("PRV-09")
async def test_whoever_is_refused_learns_when_the_next_day_begins(pool: asyncpg.Pool) -> None:
    """A minute before midnight the wait is a minute, and then there is a new budget."""
    clock = Stopped()
    async with mesh(pool, budgets=budgets(tenant=Limit(requests=1)), clock=clock) as m:
        await m.stub.Generate(WORD)
        error = await refused(m)
        clock.time += timedelta(minutes=1)
        assert (await m.stub.Generate(WORD)).text

    assert error.retry_after_s == 60.0


@pytest.mark.spec("C14")
async def test_what_settles_after_midnight_counts_for_the_day_it_was_reserved(pool: asyncpg.Pool) -> None:
    """The old day gets the spend and gives up the hold; the new day has nothing of it."""
    clock = Stopped()
    async with mesh(pool, Answer(delay_s=0.2), clock=clock) as m:
        asking = asyncio.ensure_future(m.stub.Generate(WORD))
        await m.vendor.arrived.wait()
        clock.time += timedelta(minutes=2)
        reply = await asking
        rows = await m.ledger()
        days = await pool.fetch("select day, spent_micro_usd, held_micro_usd from budget where scope = 'tenant'")

    assert [tuple(day) for day in days] == [(date(2026, 1, 31), reply.route.cost.micro_usd, 0)]
    assert [row["day"] for row in rows] == [date(2026, 1, 31)]


@pytest.mark.spec("EDG-33")
async def test_a_user_without_budget_leaves_the_others_alone(pool: asyncpg.Pool) -> None:
    """One is exhausted, the other of the same tenant is served."""
    await spend_a_row(pool, "ada", PENNY)
    limits = budgets(user=Limit(micro_usd=PENNY))
    async with mesh(pool, budgets=limits) as ada, mesh(pool, budgets=limits, principal=BOB) as bob:
        error = await refused(ada)
        assert (await bob.stub.Generate(WORD)).text

    assert (error.reason, error.metadata["scope"]) == ("BUDGET_EXCEEDED", "user")


@pytest.mark.spec("RTR-16", "RTR-20")
async def test_near_the_cap_those_whom_it_would_not_cover_are_left_out(pool: asyncpg.Pool) -> None:
    """A dear provider is dropped and a free one answers; the explanation and the order say so."""
    async with mesh(pool, order=("local", "openai"), budgets=budgets(tenant=Limit(micro_usd=5))) as m:
        reply = await m.stub.Generate(WORD)

    assert list(reply.route.provider_order) == ["local"]
    assert "gpt-4o-mini of openai is left out: what remains of the budget would not cover it" in reply.route.explanation


@pytest.mark.spec("PRV-08", "T18")
async def test_every_try_that_may_be_in_flight_is_set_aside_before_the_call(pool: asyncpg.Pool) -> None:
    """While the vendor is silent the hold is there; the answer releases it, and the reply tells how much it was."""
    async with mesh(pool, Answer(delay_s=1.0)) as m:
        asking = asyncio.ensure_future(m.stub.Generate(WORD))
        await m.vendor.arrived.wait()
        held = await pool.fetchrow("select sum(micro_usd)::bigint as micro_usd, count(*) as count from hold")
        counter = await pool.fetchval("select held_micro_usd from budget where scope = 'tenant'")
        reply = await asking

    assert held is not None
    assert (held["micro_usd"], held["count"]) == (counter, 1)
    assert counter == reply.route.reserved.micro_usd > reply.route.cost.micro_usd > 0
    assert await pool.fetchval("select count(*) from hold") == 0
    assert await pool.fetchval("select max(held_micro_usd) from budget") == 0


async def test_a_call_that_fails_releases_what_it_held(pool: asyncpg.Pool) -> None:
    """A refusal of the vendor costs nothing, counts as a request, and leaves nothing set aside."""
    async with mesh(pool, Refusal(status=500)) as m:
        assert (await refused(m)).reason == "PROVIDERS_UNAVAILABLE"
        rows = await m.ledger()
        counter = await pool.fetchrow("select * from budget where scope = 'tenant'")

    assert [(row["outcome"], row["micro_usd"]) for row in rows] == [("failed", 0)]
    assert counter is not None
    assert (counter["spent_micro_usd"], counter["held_micro_usd"], counter["requests"]) == (0, 0, 1)


async def test_a_stream_that_its_reader_leaves_is_settled(pool: asyncpg.Pool) -> None:
    """What the vendor had written by then is booked, and the hold is gone."""
    async with mesh(pool, Answer(stall_after=2)) as m:
        # The generated stub cannot know that the channel of the mesh returns its own kind of stream.
        stream = cast("MeshStream", m.stub.GenerateStream(pb.GenerateStreamRequest(routing=routing())))
        await anext(aiter(stream))
        await stream.aclose()
        await m.vendor.cancelled.wait()
        await m.background.began.wait()
        rows = await m.ledger()

    assert [row["outcome"] for row in rows] == ["cancelled"]
    assert rows[0]["micro_usd"] > 0
    assert await pool.fetchval("select count(*) from hold") == 0


@pytest.mark.spec("PRV-09")
async def test_a_call_whose_router_was_killed_is_settled_by_another(pool: asyncpg.Pool) -> None:
    """Its hold expires, the adapter still knows what was spent, and that is booked, once."""
    async with mesh(pool, Answer(stall_after=2), hold=timedelta(milliseconds=1)) as m:
        stream = cast("MeshStream", m.stub.GenerateStream(pb.GenerateStreamRequest(routing=routing())))
        await anext(aiter(stream))
        # The router is gone before it can settle: what it would do with the end of the call never happens.
        m.background.dead = True
        await stream.aclose()
        await m.vendor.cancelled.wait()
        assert await m.reconciler.look() == 1
        rows = await m.ledger()
        assert await m.reconciler.look() == 0

    assert [row["outcome"] for row in rows] == ["cancelled"]
    assert rows[0]["micro_usd"] == await pool.fetchval("select spent_micro_usd from budget where scope = 'tenant'") > 0
    assert await pool.fetchval("select count(*) from hold") == 0


@pytest.mark.spec("PRV-09")
async def test_a_call_that_nobody_remembers_is_booked_at_all_it_had_held(pool: asyncpg.Pool) -> None:
    """Router and adapter were both started again: UNKNOWN, estimated, at the whole reservation."""
    async with mesh(pool, Silence(), hold=timedelta(milliseconds=1)) as before:
        before.background.dead = True
        await leave(before)
        held = await pool.fetchval("select micro_usd from hold")
    async with mesh(pool) as after:
        assert await after.reconciler.look() == 1
        rows = await after.ledger()

    assert [(row["outcome"], row["estimated"], row["micro_usd"]) for row in rows] == [("unknown", True, held)]
    assert await pool.fetchval("select held_micro_usd from budget where scope = 'tenant'") == 0


async def test_no_hold_is_taken_by_two_replicas(pool: asyncpg.Pool) -> None:
    """Twenty overdue holds and four that look at once: each is taken once, and settled once."""
    async with mesh(pool, Silence(), hold=timedelta(milliseconds=1)) as before:
        before.background.dead = True
        await leave(before, calls=20)
    async with mesh(pool) as after:
        taken = await asyncio.gather(*(after.reconciler.look() for _ in range(4)))
        rows = await after.ledger()

    assert (sum(taken), len(rows), len({row["call_id"] for row in rows})) == (20, 20, 20)


async def test_a_caller_that_leaves_while_it_is_let_through_leaves_nothing_held(
    pool: asyncpg.Pool, database: Database
) -> None:
    """The reservation waits behind another's lock; when it comes through, nobody is there, and it is taken back."""
    await spend_a_row(pool, "ada", 0)
    async with mesh(pool) as m:
        with psycopg.connect(database.owner_dsn) as other:
            other.execute("select 1 from router.budget for update")
            asking = asyncio.ensure_future(m.stub.Generate(WORD))
            while not other.execute("select 1 from pg_locks where not granted").fetchone():  # noqa: ASYNC110 - its lock
                await asyncio.sleep(0.005)
            asking.cancel()
            await m.background.began.wait()
        rows = await m.ledger()
        counter = await pool.fetchrow("select * from budget where scope = 'tenant'")
        calls = m.vendor.count

    assert (rows, calls) == ([], 0)
    assert counter is not None
    assert (counter["held_micro_usd"], counter["requests"]) == (0, 0)
    assert await pool.fetchval("select count(*) from hold") == 0


@pytest.mark.spec("PRV-10", "PRV-07")
async def test_the_summary_is_what_the_database_says(pool: asyncpg.Pool) -> None:
    """Total, requests, held, limit, remaining, by model and by user: an admin sees all users of the tenant."""
    limits = budgets(tenant=Limit(micro_usd=100_000_000), user=Limit(micro_usd=PENNY), bob=Limit())
    async with mesh(pool, budgets=limits) as ada, mesh(pool, budgets=limits, principal=BOB) as bob:
        costs = [(await m.stub.Generate(WORD)).route.cost.micro_usd for m in (ada, bob, bob)]
    async with mesh(pool, budgets=limits, principal=ADMIN) as admin:
        summary = await admin.stub.GetCostSummary(pb.GetCostSummaryRequest())
    (model,) = summary.by_model
    stored = await pool.fetchrow("select sum(micro_usd)::bigint, sum(input_tokens)::bigint, count(*) from spend")

    assert stored is not None
    assert (summary.total.micro_usd, summary.requests, summary.held.micro_usd) == (sum(costs), 3, 0)
    assert (model.provider, model.model) == ("openai", "gpt-4o-mini")
    assert (model.cost.micro_usd, model.input_tokens, model.attempts) == tuple(stored)
    assert summary.daily_limit.micro_usd == summary.remaining.micro_usd + summary.total.micro_usd == 100_000_000
    assert [(user.subject, user.cost.micro_usd, user.requests) for user in summary.by_user] == [
        ("bob", costs[1] + costs[2], 2),
        ("ada", costs[0], 1),
    ]
    assert summary.by_user[1].remaining.micro_usd == PENNY - costs[0]
    assert not summary.by_user[0].HasField("daily_limit")


@pytest.mark.spec("PRV-10")
async def test_a_user_sees_the_tenant_s_total_and_nobody_else(pool: asyncpg.Pool) -> None:
    """Of the users only the caller is named; another tenant sees nothing at all."""
    async with mesh(pool) as ada, mesh(pool, principal=BOB) as bob:
        costs = [(await m.stub.Generate(WORD)).route.cost.micro_usd for m in (ada, bob)]
        await asyncio.gather(ada.booked(), bob.booked())
        mine = await ada.stub.GetCostSummary(pb.GetCostSummaryRequest())
    async with mesh(pool, principal=Principal(tenant="other", subject="ada", roles=("admin",))) as other:
        theirs = await other.stub.GetCostSummary(pb.GetCostSummaryRequest())

    assert (mine.total.micro_usd, [user.subject for user in mine.by_user]) == (sum(costs), ["ada"])
    assert not mine.HasField("daily_limit")
    assert (theirs.total.micro_usd, list(theirs.by_model), list(theirs.by_user)) == (0, [], [])


@pytest.mark.parametrize("day", ["today", "2026-1-1", "20260101", "2026-W01-1", "2026-02-30"])
async def test_a_day_that_is_none_is_refused(pool: asyncpg.Pool, day: str) -> None:
    """FIELD_MALFORMED with the field and the form it must have."""
    async with mesh(pool) as m:
        with pytest.raises(MeshError) as caught:
            await m.stub.GetCostSummary(pb.GetCostSummaryRequest(day=day))

    assert (caught.value.kind, caught.value.reason) == (Kind.INVALID, "FIELD_MALFORMED")
    assert [violation.field for violation in caught.value.violations] == ["day"]


@pytest.mark.spec("PRV-10")
async def test_a_day_of_the_past_can_be_asked_for(pool: asyncpg.Pool) -> None:
    """What was spent then, and nothing of today."""
    await spend_a_row(pool, "ada", 77, date(2026, 1, 1))
    async with mesh(pool) as m:
        await m.stub.Generate(WORD)
        summary = await m.stub.GetCostSummary(pb.GetCostSummaryRequest(day="2026-01-01"))

    assert (summary.day, summary.total.micro_usd, list(summary.by_model)) == ("2026-01-01", 77, [])


@pytest.mark.spec("RTR-16")
async def test_choices_learn_what_remains(pool: asyncpg.Pool) -> None:
    """After a call the outlook has what the tightest limit left; another user's own limit is not touched by it."""
    limits = budgets(tenant=Limit(micro_usd=100_000_000), user=Limit(micro_usd=PENNY))
    async with mesh(pool, budgets=limits) as m:
        assert m.remaining.micro_usd("acme", "ada") is None
        reply = await m.stub.Generate(WORD)
        left = m.remaining.micro_usd("acme", "ada")

    assert left == PENNY - reply.route.reserved.micro_usd
    assert m.remaining.micro_usd("acme", "bob") is None


@pytest.mark.spec("PRV-11", "PRV-08")
async def test_a_prompt_that_is_dense_in_tokens_cannot_pass_the_limit_of_a_request(pool: asyncpg.Pool) -> None:
    """Its estimate fits, all its bytes as tokens would not: it is refused before anybody is asked."""
    async with mesh(pool, limits=Limits(micro_usd=100)) as m:
        error = await refused(m, pb.GenerateRequest(routing=routing(context="x" * 1000, max_output_tokens=1)))
        calls = m.vendor.count

    assert (error.kind, error.reason, calls) == (Kind.EXHAUSTED, "COST_LIMIT", 0)
    assert error.metadata["scope"] == "request"


@pytest.mark.spec("PRV-07")
async def test_an_answer_names_its_try_as_won(pool: asyncpg.Pool) -> None:
    """Outcome, tokens and cost of the route are those of the row."""
    async with mesh(pool) as m:
        reply = await m.stub.Generate(WORD)
        (row,) = await m.ledger()
    (attempt,) = reply.route.attempts

    assert attempt.outcome == usage_pb2.ATTEMPT_OUTCOME_WON
    assert (row["outcome"], row["micro_usd"], row["call_id"]) == ("won", attempt.cost.micro_usd, reply.route.call_id)


def test_budgets_go_down_and_up_again_with_what_was_spent(postgres: PostgresServer) -> None:
    """Downgraded to the ledger alone and upgraded again, the counters are what the ledger's rows add up to."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        owner = migrator_dsn(postgres, fresh.name)
        with psycopg.connect(fresh.owner_dsn, autocommit=True) as connection:
            connection.execute(
                "insert into router.spend (call_id, attempt, tenant, subject, decision_id, day, provider, model,"
                " outcome, reason, input_tokens, output_tokens, estimated, micro_usd, started_at, duration)"
                " select 'c' || n, 1, 'acme', 'ada', '', '2026-01-01', 'p', 'm', 'cancelled', '', 3, 4, false, 5,"
                " '2026-01-01 12:00Z', '1s' from generate_series(1, 3) n"
            )
        migrate(owner, "router", revision="0001")
        migrate(owner, "router")
        with psycopg.connect(fresh.owner_dsn) as connection:
            counters = connection.execute(
                "select scope, subject, day, spent_micro_usd, spent_tokens, requests from router.budget order by scope"
            ).fetchall()

    day = date(2026, 1, 1)
    assert counters == [("tenant", "", day, 15, 21, 3), ("user", "ada", day, 15, 21, 3)]


async def _letters(pool: asyncpg.Pool) -> list[Entry]:
    rows = await pool.fetch("select tenant, body from outbox order by letter_id")
    assert {row["tenant"] for row in rows} <= {"acme"}
    return [AppendRequest.FromString(row["body"]).entry for row in rows]


@pytest.mark.spec("REC-01")
async def test_tries_become_evidence_with_their_booking(pool: asyncpg.Pool) -> None:
    """Each booked try leaves one letter that names the intent; without an intent there is none."""
    async with mesh(pool) as m:
        await m.stub.Generate(WORD)
        await m.booked()
        assert await _letters(pool) == []
        named = pb.GenerateRequest(routing=routing(decision_id="d-1", intent_key="d-1/run-1"))
        reply = await m.stub.Generate(named)
        await m.booked()
        (told,) = await _letters(pool)

    assert (told.kind, told.decision_id, told.intent_key) == (RECORD_KIND_ATTEMPT, "d-1", "d-1/run-1")
    assert told.idempotency_key == f"{reply.route.call_id}/{1}"
    assert (told.attributes["outcome"], told.attributes["provider"]) == ("won", "openai")
    assert not told.payload


@pytest.mark.spec("REC-01", "T11")
async def test_a_hold_that_outlived_its_router_still_tells_its_tries(pool: asyncpg.Pool) -> None:
    """What the reconciler books for a router that died names the intent all the same."""
    named = pb.GenerateRequest(routing=routing(decision_id="d-1", intent_key="d-1/run-1"))
    async with mesh(pool, Silence(), hold=timedelta(0)) as m:
        await leave(m, named)
        while await pool.fetchval("select count(*) from hold"):
            await m.reconciler.look()
            await asyncio.sleep(0.01)
        told = await _letters(pool)

    assert {entry.intent_key for entry in told} == {"d-1/run-1"}


async def test_an_intent_that_no_log_can_hold_is_refused(pool: asyncpg.Pool) -> None:
    """A key that is too long, or no ASCII, is refused with its field before anybody is asked."""
    async with mesh(pool) as m:
        for key in ("k" * 201, "schlüssel"):
            error = await refused(m, pb.GenerateRequest(routing=routing(intent_key=key)))
            assert (error.reason, error.metadata["field"]) == ("FIELD_MALFORMED", "routing.intent_key")
        assert m.vendor.calls == []
