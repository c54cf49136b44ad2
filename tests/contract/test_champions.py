"""Champions on the wire: every RPC and reason, before a real PostgreSQL with the rights of the field."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import psycopg
import pytest

from magistrate.common.v1 import task_pb2
from magistrate.recorder.v1.recorder_pb2 import RECORD_KIND_CHANGE, AppendRequest
from magistrate.router.v1 import router_pb2 as pb
from services.chassis.call import Principal
from services.chassis.errors import Kind, MeshError
from services.router.adapters import contests
from services.router.core.champion.contest import Contest, Rules
from tests.contract.promises import reasons
from tests.contract.routing import ADMIN, RULES, Stub, mesh, routing
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool
from tests.fakes.vendors import Answer

FIELD = {"domain": task_pb2.DOMAIN_GENERAL, "task_type": task_pb2.TASK_TYPE_ANALYSIS}
LONG = 128
TABLES = ("champion", "standing", "score", "champion_change", "outbox")


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the router's schema."""
    with fresh_database(postgres, migrations_of=["router"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Empty the tables and yield the router's own pool."""
    async with room_pool(database, "router", empty=TABLES) as opened:
        yield opened


@asynccontextmanager
async def router(pool: asyncpg.Pool, principal: Principal = ADMIN, rules: Rules = RULES) -> AsyncIterator[Stub]:
    """Yield a client of a router in this process."""
    async with mesh(pool, principal=principal, rules=rules) as m:
        yield m.stub


def score(decision_id: str = "d-1", model: str = "small", value: float = 0.8, **fields: Any) -> pb.ReportScoreRequest:
    """Return a good report, or one with fields changed."""
    return pb.ReportScoreRequest(
        **{"decision_id": decision_id, "model": model, "score": value, "propensity": 0.5, **FIELD, **fields}
    )


def get(**fields: Any) -> pb.GetChampionRequest:
    """Return a good request, or one with fields changed."""
    return pb.GetChampionRequest(**{**FIELD, **fields})


def promote(model: str = "large", **fields: Any) -> pb.PromoteModelRequest:
    """Return a good request, or one with fields changed."""
    return pb.PromoteModelRequest(**{**FIELD, "model": model, "reason": "it is better", **fields})


def demote(model: str = "small", **fields: Any) -> pb.DemoteModelRequest:
    """Return a good request, or one with fields changed."""
    return pb.DemoteModelRequest(**{**FIELD, "model": model, "reason": "it is worse", **fields})


async def read(stub: Stub) -> None:
    """Read a whole stream."""
    async for _ in stub.GenerateStream(pb.GenerateStreamRequest(routing=routing())):
        pass


async def rounds(stub: Stub, count: int, first: int = 0, **values: float) -> None:
    """Report ``count`` scores of each model, in turns."""
    for number in range(first, first + count):
        for model, value in values.items():
            await stub.ReportScore(score(f"{model}-{number}", model, value))


@pytest.mark.spec("RTR-07", "RTR-24")
async def test_before_the_first_score_there_is_no_champion(pool: asyncpg.Pool) -> None:
    """Version 0, nobody, and that the rules act."""
    async with router(pool) as stub:
        reply = await stub.GetChampion(get())

    assert reply == pb.GetChampionResponse(auto_promote=True)


@pytest.mark.spec("RTR-07", "RTR-08", "EVL-07")
async def test_scores_make_standings(pool: asyncpg.Pool) -> None:
    """The golden average, window figures, challengers best first, one version a score, and how it began."""
    async with router(pool) as stub:
        for number, value in enumerate((0.8, 0.9, 0.9, 0.5, 0.95)):
            reply = await stub.ReportScore(score(f"a-{number}", "small", value))
            assert (reply.already_counted, reply.version) == (False, number + 1)
        await stub.ReportScore(score("b", "large", 0.3))
        await stub.ReportScore(score("c", "other", 0.4))
        told = await stub.GetChampion(get())

    assert told.champion.model == "small"
    assert told.champion.ema == pytest.approx(0.80504)
    assert (told.champion.count, told.champion.peak, told.champion.lowest) == (5, 0.95, 0.5)
    assert told.champion.mean == pytest.approx(0.81)
    assert told.champion.deviation == pytest.approx(math.sqrt(0.0264))
    assert 0 <= told.champion.lower_bound < told.champion.mean < told.champion.upper_bound <= 1
    assert [each.model for each in told.challengers] == ["other", "large"]
    assert told.version == 7
    assert [(each.kind, each.champion, each.actor) for each in told.history] == [
        (pb.CHAMPION_CHANGE_KIND_FIRST, "small", "rules")
    ]
    assert told.changed_at == told.history[0].changed_at


@pytest.mark.spec("PRV-13", "RTR-07")
async def test_an_answer_that_breaks_off_counts_as_worth_nothing(pool: asyncpg.Pool) -> None:
    """For the model that failed inside its stream; before the first score it is only noted: a failure crowns nobody."""
    rules = replace(RULES, models=frozenset({"gpt-4o-mini"}))
    async with mesh(pool, Answer(error_after=2), principal=ADMIN, rules=rules) as m:
        for reported in (False, True):
            if reported:
                await m.stub.ReportScore(score(model="gpt-4o-mini"))
            with pytest.raises(MeshError):
                await read(m.stub)
            await m.booked()
        told = await m.stub.GetChampion(get(score_page_size=10))

    assert (told.champion.model, told.champion.count, told.champion.lowest) == ("gpt-4o-mini", 2, 0.0)
    assert told.champion.ema == pytest.approx(0.8 * 0.8)
    assert [(each.score, each.heuristic, each.fell_back) for each in told.scores] == [
        (0.0, True, False),
        (0.8, False, False),
        (0.0, False, False),
    ]
    assert [each.decision_id.partition("/")[2] for each in told.scores] == ["openai", "", "openai"]


@pytest.mark.spec("RTR-07")
async def test_arenas_and_tenants_are_apart(pool: asyncpg.Pool) -> None:
    """A score of one domain, task and tenant is nobody else's, even under the same decision id."""
    async with router(pool) as stub:
        await stub.ReportScore(score())
        other = await stub.GetChampion(get(domain=task_pb2.DOMAIN_MARKET))
    async with router(pool, replace(ADMIN, tenant="else")) as stub:
        elsewhere = await stub.GetChampion(get())
        again = await stub.ReportScore(score())

    assert (other.version, elsewhere.version) == (0, 0)
    assert not again.already_counted


@pytest.mark.spec("RTR-10", "ENG-28")
async def test_a_decision_counts_once(pool: asyncpg.Pool) -> None:
    """A repeated report, at once or later, changes nothing and says so with the version of the first."""
    async with router(pool) as stub:
        replies = await asyncio.gather(*(stub.ReportScore(score()) for _ in range(20)))
        other = await stub.ReportScore(score(value=0.1, model="large"))
        told = await stub.GetChampion(get())

    assert sorted(reply.already_counted for reply in replies) == [False] + [True] * 19
    assert {reply.version for reply in (*replies, other)} == {1}
    assert other.already_counted
    assert (told.champion.count, told.champion.ema, len(told.challengers)) == (1, 0.8, 0)


@pytest.mark.spec("T16", "EVL-09")
async def test_a_heuristic_is_kept_and_does_not_count(pool: asyncpg.Pool) -> None:
    """It is in the log; averages, counts and the champion stay."""
    async with router(pool) as stub:
        await stub.ReportScore(score("h", "large", 1.0, heuristic=True))
        nobody = await stub.GetChampion(get())
        await stub.ReportScore(score("s"))
        for number in range(40):
            await stub.ReportScore(score(f"h-{number}", "large", 1.0, heuristic=True))
        told = await stub.GetChampion(get(score_page_size=1000))

    assert not nobody.HasField("champion")
    assert (told.champion.model, told.champion.count, len(told.challengers)) == ("small", 1, 0)
    assert (told.version, len(told.scores)) == (42, 42)
    assert [entry.heuristic for entry in told.scores].count(True) == 41


@pytest.mark.spec("RTR-09", "C8")
async def test_a_proved_challenger_is_promoted_once_and_written_down(pool: asyncpg.Pool) -> None:
    """One swap with its figures, and one letter to the evidence log that says the same, without a name in the open."""
    async with router(pool) as stub:
        await rounds(stub, 120, small=0.4, large=0.9)
        told = await stub.GetChampion(get())
        letters = await pool.fetch("select * from outbox order by letter_id")

    swap, first = told.history
    assert told.champion.model == "large"
    assert (swap.kind, swap.champion, swap.previous) == (pb.CHAMPION_CHANGE_KIND_PROMOTION, "large", "small")
    assert swap.figures[0].lower_bound > swap.figures[1].upper_bound
    assert swap.risk == RULES.risk
    assert {letter["letter_id"] for letter in letters} == {swap.change_id, first.change_id}
    letter = next(letter for letter in letters if letter["letter_id"] == swap.change_id)
    entry = AppendRequest.FromString(letter["body"]).entry
    content = json.loads(entry.payload)
    assert (entry.kind, entry.idempotency_key, letter["tenant"]) == (RECORD_KIND_CHANGE, swap.change_id, "acme")
    assert (content["champion"], content["previous"], content["version"]) == ("large", "small", swap.version)
    assert content["figures"][0]["lower"] == swap.figures[0].lower_bound
    assert entry.attributes["event"] == "champion_promotion"


@pytest.mark.spec("C8")
async def test_without_auto_promote_a_proposal_is_told(pool: asyncpg.Pool) -> None:
    """The champion stays; the proposal has figures and no place in history; a person carries it out."""
    async with router(pool, rules=replace(RULES, auto_promote=False)) as stub:
        await rounds(stub, 120, small=0.4, large=0.9)
        told = await stub.GetChampion(get())
        await stub.PromoteModel(promote(told.proposal.champion, expected_version=told.version))
        after = await stub.GetChampion(get())

    assert (told.champion.model, told.auto_promote, len(told.history)) == ("small", False, 1)
    assert (told.proposal.kind, told.proposal.champion) == (pb.CHAMPION_CHANGE_KIND_PROMOTION, "large")
    assert len(told.proposal.figures) == 2
    assert after.champion.model == "large"
    assert not after.HasField("proposal")


@pytest.mark.spec("RTR-12")
async def test_a_person_promotes_demotes_and_rolls_back(pool: asyncpg.Pool) -> None:
    """Each change names who, why and the figures, and is a letter to the evidence log."""
    async with router(pool) as stub:
        await rounds(stub, 2, small=0.8, large=0.6)
        up = await stub.PromoteModel(promote("large", expected_version=4))
        back = await stub.PromoteModel(promote("small", reason="too slow"))
        same = await stub.PromoteModel(promote("small"))
        down = await stub.DemoteModel(demote("small", expected_version=back.version))
        told = await stub.GetChampion(get())
        letters = await pool.fetchval("select count(*) from outbox")

    kinds = [pb.CHAMPION_CHANGE_KIND_PROMOTION, pb.CHAMPION_CHANGE_KIND_ROLLBACK, pb.CHAMPION_CHANGE_KIND_DEMOTION]
    assert [reply.change.kind for reply in (up, back, down)] == kinds
    assert (up.version, back.version, same.version, down.version) == (5, 6, 6, 7)
    assert not same.HasField("change")
    assert (back.change.actor, back.change.reason) == ("root", "too slow")
    assert [each.model for each in back.change.figures] == ["small", "large"]
    assert (down.change.champion, told.champion.model, told.version) == ("large", "large", 7)
    assert [each.kind for each in told.history] == [*reversed(kinds), pb.CHAMPION_CHANGE_KIND_FIRST]
    assert letters == 4


@pytest.mark.spec("RTR-12")
@pytest.mark.parametrize("rpc", ["PromoteModel", "DemoteModel"])
async def test_what_is_wrong_with_a_persons_word_is_told(pool: asyncpg.Pool, rpc: str) -> None:
    """Each field has its reason, nothing changes, and the contract names every one."""
    make = {"PromoteModel": promote, "DemoteModel": demote}[rpc]
    cases: list[tuple[dict[str, Any], Kind, str]] = [
        ({"domain": 0}, Kind.INVALID, "ENUM_UNKNOWN"),
        ({"task_type": 77}, Kind.INVALID, "ENUM_UNKNOWN"),
        ({"model": ""}, Kind.INVALID, "FIELD_REQUIRED"),
        ({"model": "m" * 201}, Kind.INVALID, "FIELD_TOO_LONG"),
        ({"reason": " "}, Kind.INVALID, "FIELD_REQUIRED"),
        ({"reason": "r" * 501}, Kind.INVALID, "FIELD_TOO_LONG"),
        ({"reason": "a\0b"}, Kind.INVALID, "FIELD_MALFORMED"),
        ({"expected_version": -1}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"model": "unheard-of"}, Kind.NOT_FOUND, "MODEL_NOT_FOUND"),
        ({"expected_version": 9}, Kind.ABORTED, "WRITE_CONFLICT"),
    ]
    if rpc == "DemoteModel":
        cases += [
            ({"model": "large"}, Kind.PRECONDITION, "STATE_CONFLICT"),
            ({"model": "small"}, Kind.PRECONDITION, "STATE_CONFLICT"),
        ]
    async with router(pool) as stub:
        await stub.ReportScore(score())
        before = await stub.GetChampion(get())
        for fields, kind, reason in cases:
            with pytest.raises(MeshError) as refused:
                await getattr(stub, rpc)(make(**fields))
            assert (refused.value.kind, refused.value.reason) == (kind, reason), fields
            assert reason in reasons("router")[rpc]
        assert await stub.GetChampion(get()) == before


@pytest.mark.spec("RTR-10", "EDG-12")
@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        ({"decision_id": ""}, Kind.INVALID, "FIELD_REQUIRED"),
        ({"decision_id": "d" * (LONG + 1)}, Kind.INVALID, "FIELD_TOO_LONG"),
        ({"decision_id": "d\0"}, Kind.INVALID, "FIELD_MALFORMED"),
        ({"domain": 9}, Kind.INVALID, "ENUM_UNKNOWN"),
        ({"task_type": 0}, Kind.INVALID, "ENUM_UNKNOWN"),
        ({"value": -0.01}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"value": 1.01}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"value": math.nan}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"value": math.inf}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"propensity": math.nan}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"propensity": -0.5}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"propensity": 1.5}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"champion_version": -1}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        ({"model": "unheard-of"}, Kind.NOT_FOUND, "MODEL_NOT_FOUND"),
        ({"model": ""}, Kind.NOT_FOUND, "MODEL_NOT_FOUND"),
    ],
    ids=str,
)
async def test_a_bad_report_is_refused(pool: asyncpg.Pool, fields: dict[str, Any], kind: Kind, reason: str) -> None:
    """With its reason, and nothing is written."""
    async with router(pool) as stub:
        with pytest.raises(MeshError) as refused:
            await stub.ReportScore(score(**fields))
        rows = await pool.fetchval("select count(*) from score")

    assert (refused.value.kind, refused.value.reason, rows) == (kind, reason, 0)
    assert reason in reasons("router")["ReportScore"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"domain": 0}, "ENUM_UNKNOWN"),
        ({"task_type": 9}, "ENUM_UNKNOWN"),
        ({"score_page_size": 1001}, "FIELD_OUT_OF_RANGE"),
        ({"score_page_size": -1}, "FIELD_OUT_OF_RANGE"),
        ({"score_page_size": 1, "score_page_token": "x"}, "FIELD_MALFORMED"),
        ({"score_page_size": 1, "score_page_token": "9" * 30}, "FIELD_MALFORMED"),
    ],
    ids=str,
)
async def test_a_bad_look_is_refused(pool: asyncpg.Pool, fields: dict[str, Any], reason: str) -> None:
    """GetChampion checks its fields."""
    async with router(pool) as stub:
        with pytest.raises(MeshError) as refused:
            await stub.GetChampion(get(**fields))

    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID, reason)
    assert reason in reasons("router")["GetChampion"]


async def test_every_rpc_needs_a_tenant(pool: asyncpg.Pool) -> None:
    """Rows of no tenant would be everybody's."""
    async with router(pool, Principal()) as stub:
        for asked in (
            stub.GetChampion(get()),
            stub.PromoteModel(promote()),
            stub.DemoteModel(demote()),
            stub.ReportScore(score()),
        ):
            with pytest.raises(MeshError, match="TOKEN_MISSING"):
                await asked


async def test_every_rpc_says_when_the_store_is_away(pool: asyncpg.Pool, database: Database) -> None:
    """STORE_UNAVAILABLE, to be repeated; nothing is lost, for nothing was said to be kept."""
    async with router(pool) as stub:
        with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
            owner.execute("alter role router connection limit 0")
        try:
            await pool.expire_connections()
            for asked in (
                stub.GetChampion(get()),
                stub.PromoteModel(promote()),
                stub.DemoteModel(demote()),
                stub.ReportScore(score()),
            ):
                with pytest.raises(MeshError) as failed:
                    await asked
                assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")
        finally:
            with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
                owner.execute("alter role router connection limit -1")


async def test_scores_are_read_in_pages(pool: asyncpg.Pool) -> None:
    """Every score once, oldest first, with all that was reported."""
    async with router(pool) as stub:
        for number in range(5):
            await stub.ReportScore(score(f"d-{number}", champion_version=number, fell_back=number == 3))
        seen: list[pb.ScoreEntry] = []
        token = ""
        while not seen or token:
            page = await stub.GetChampion(get(score_page_size=2, score_page_token=token))
            seen += page.scores
            token = page.next_score_page_token

    assert [(each.version, each.decision_id) for each in seen] == [(n + 1, f"d-{n}") for n in range(5)]
    assert [each.fell_back for each in seen] == [False, False, False, True, False]
    assert (seen[2].score, seen[2].propensity, seen[2].champion_version) == (0.8, 0.5, 2)
    assert seen[0].HasField("reported_at")


@pytest.mark.parametrize(
    "statement",
    [
        "update router.score set score = 1",
        "delete from router.score",
        "update router.champion_change set reason = ''",
        "delete from router.champion_change",
        "delete from router.champion",
        "delete from router.standing",
    ],
)
def test_the_log_cannot_be_changed_by_the_service(database: Database, statement: str) -> None:
    """The router's role may add scores and changes and read them, nothing else."""
    with (
        psycopg.connect(database.dsn("router")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


@pytest.mark.spec("RTR-10", "T15")
async def test_a_swap_for_another_version_is_refused(pool: asyncpg.Pool) -> None:
    """Even a writer past the lock replaces only the version that it read."""
    async with router(pool) as stub:
        await stub.ReportScore(score())
        async with pool.acquire() as connection:
            with pytest.raises(MeshError, match="WRITE_CONFLICT"):
                await contests._replace(
                    connection, ("acme", "general", "analysis"), Contest(version=7), Contest(version=8)
                )
        assert (await stub.GetChampion(get())).version == 1
