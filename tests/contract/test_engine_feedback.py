"""A decision and what is told of it are written both or neither, in the engine's own store."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import asyncpg
import pytest

from services.engine.adapters.store import PostgresDecisions
from services.engine.core.decision import Verdict
from services.engine.core.question import Domain, Question, TaskType
from services.engine.ports import Feedback, Kept
from tests.fakes.postgres import Database, PostgresServer, fresh_database, room_pool

KEPT = Kept(decision_id="d-1", created_at=datetime(2026, 1, 1, tzinfo=UTC), question_digest=b"q", body=b"decision")
ASKED = Question(query="How many?", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS)
TOLD = Feedback(subject="ada", body=b"score")


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the engine's schema."""
    with fresh_database(postgres, migrations_of=["engine"]) as fresh:
        yield fresh


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Yield the engine's own pool."""
    async with room_pool(database, "engine") as opened:
        yield opened


async def letters(pool: asyncpg.Pool) -> list[tuple[str, str, str, bytes]]:
    """Return the letters that wait."""
    return [tuple(row) for row in await pool.fetch("select letter_id, tenant, subject, body from outbox order by 1")]


@pytest.mark.spec("EVL-07", "ENG-28")
async def test_a_decision_is_told_of_once(pool: asyncpg.Pool) -> None:
    """Kept twice, it is one row and one letter; the same id of another tenant is another decision."""
    woken: list[bool] = []
    store = PostgresDecisions(pool, written=lambda: woken.append(True))
    for tenant in ("acme", "acme", "else"):
        await store.keep(tenant, KEPT, Verdict.ALLOW, ASKED, TOLD, requester="ada")

    assert await letters(pool) == [("acme/d-1", "acme", "ada", b"score"), ("else/d-1", "else", "ada", b"score")]
    assert len(woken) == 3
    found = await store.find("acme", "d-1")
    assert found == KEPT


async def test_a_decision_that_teaches_nothing_is_kept_all_the_same(pool: asyncpg.Pool) -> None:
    """No letter, no wake-up, and the decision is there."""
    store = PostgresDecisions(pool, written=lambda: pytest.fail("there is nothing to tell"))
    await store.keep("acme", KEPT, Verdict.ALLOW, ASKED, None, requester="ada")

    assert await letters(pool) == []
    assert await store.find("acme", "d-1") == KEPT


async def test_a_letter_that_cannot_be_written_keeps_no_decision(pool: asyncpg.Pool) -> None:
    """Both or neither: a decision without its letter would never be told of."""
    store = PostgresDecisions(pool)
    await pool.execute("insert into outbox (letter_id, tenant, body) values ('acme/d-1', 'acme', '')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.keep("acme", KEPT, Verdict.ALLOW, ASKED, TOLD, requester="ada")

    assert await store.find("acme", "d-1") is None
