"""Records are found by what indexes say, and exactly those that reading the whole log would find."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import asyncpg
import psycopg
import pytest

from services.chassis.rows import rows_of
from services.recorder.adapters.pool import open_evidence
from services.recorder.adapters.ranges import PostgresRanges
from services.recorder.adapters.reader import PostgresReader
from services.recorder.core.batch import Entry
from services.recorder.core.merkle import Frontier
from services.recorder.core.search import BLOCK, Fact
from services.recorder.ports import Head, Keyring, Query
from services.recorder.reading.archive import Archive
from tests.contract.recorder.client import login
from tests.contract.recorder.stores import START, TENANT, Store, entry, in_postgres
from tests.fakes.memory_evidence import MemoryEvidence
from tests.fakes.postgres import Database

RECORDS = 3 * BLOCK + 700
TOGETHER = 1000
RARE, COMMON = 9000, "allow"


def at(minute: int) -> datetime:
    """Return a time."""
    return START + timedelta(minutes=minute)


def made(number: int) -> Entry:
    """Return a record of a log whose clock was an hour late for a while, and once thirty days early."""
    minute = number - 60 if 5000 <= number < 5100 else 43_200 if number == 7000 else number
    verdict = "deny" if number == RARE else "odd\0" if number == 8000 else COMMON
    kind = "ATTEMPT" if number % 5 == 1 else "DECISION"
    return entry(number, minute=minute, kind=kind, facts={"verdict": verdict, "model": f"model {number % 7}"})


@pytest.fixture(scope="module")
def filled(shared: Database) -> tuple[Database, MemoryEvidence]:
    """Return the same log in PostgreSQL, whose planner knows about it, and in memory."""
    memory = MemoryEvidence()

    async def fill() -> None:
        async with in_postgres(shared) as store:
            for first in range(0, RECORDS, TOGETHER):
                entries = [made(number) for number in range(first, min(first + TOGETHER, RECORDS))]
                await store.writer.append(TENANT, entries)
                await memory.append(TENANT, entries)

    asyncio.run(fill())
    with psycopg.connect(shared.owner_dsn) as connection:
        connection.execute("analyze")
    return shared, memory


@pytest.fixture
async def store(filled: tuple[Database, MemoryEvidence]) -> AsyncIterator[Store]:
    """Yield the log in PostgreSQL."""
    async with in_postgres(filled[0]) as opened:
        yield opened


async def head_of(store: Store) -> Head:
    """Return the log."""
    head = await store.reader.head(TENANT, "")
    assert head is not None
    return head


def head_in_memory(head: Head) -> Head:
    """Return the log as the memory knows it."""
    return replace(head, log=0)


VERDICT = Fact(name="verdict", value=COMMON)
QUERIES: dict[str, Query] = {
    "everything": Query(),
    "a kind": Query(kind="ATTEMPT"),
    "a kind that is not there": Query(kind="KEY"),
    "from a time on": Query(since=at(9000)),
    "until a time": Query(until=at(30)),
    "a time that a late clock told twice": Query(since=at(4940), until=at(5040)),
    "a time that only an early clock told": Query(since=at(43_000)),
    "a time that never was": Query(since=at(50_000)),
    "a fact that is common": Query(kind="DECISION", facts=[VERDICT]),
    "a fact that is rare": Query(kind="DECISION", facts=[Fact(name="verdict", value="deny")]),
    "a fact that is not there": Query(kind="DECISION", facts=[Fact(name="verdict", value="none")]),
    "any value of a fact": Query(kind="DECISION", facts=[Fact(name="model")]),
    "two facts": Query(kind="DECISION", facts=[VERDICT, Fact(name="model", value="model 3")]),
    "a fact at a time": Query(kind="DECISION", facts=[VERDICT], since=at(6000), until=at(6100)),
    "a fact of any kind": Query(facts=[Fact(name="model", value="model 3")]),
    "a fact of another kind": Query(kind="ATTEMPT", facts=[VERDICT]),
}


@pytest.mark.spec("REC-21")
@pytest.mark.parametrize("limit", [1000, 7001])
@pytest.mark.parametrize("case", QUERIES)
async def test_indexes_find_what_reading_through_finds(
    store: Store, filled: tuple[Database, MemoryEvidence], case: str, limit: int
) -> None:
    """Page by page and in the order of the log, whatever the clocks said."""
    head, query = await head_of(store), replace(QUERIES[case], limit=limit)
    everything = await filled[1].records(head_in_memory(head), replace(query, limit=RECORDS))
    expected = [each.index for each in everything.records]

    found = list[int]()
    while page := (await store.reader.records(head, query)).records:
        found += [each.index for each in page]
        query = replace(query, after=found[-1])

    assert found == [index for index in expected if query.facts == () or index != 8000]


# Of a first page of 100: how many records may be read for it.
READ: dict[str, tuple[Query, int]] = {
    "everything": (Query(), 100),
    "a kind that is not there": (Query(kind="KEY"), 0),
    "a time at the end": (Query(since=at(RECORDS - 50)), BLOCK + 700),
    "a time in the middle": (Query(since=at(5500), until=at(5600)), BLOCK),
    "a fact that is common": (Query(kind="DECISION", facts=[VERDICT]), BLOCK),
    "a fact that is rare": (Query(kind="DECISION", facts=[Fact(name="verdict", value="deny")]), 1),
    "a fact that is not there": (Query(kind="DECISION", facts=[Fact(name="verdict", value="none")]), 0),
}


class Watched:
    """A pool that asks PostgreSQL how each statement was answered."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool, self.read = pool, 0.0

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Return the rows, and count what was read for them."""
        ((plan,),) = await self._pool.fetch(f"explain (analyze, format json) {statement}", *values)
        self.read += rows_read(json.loads(plan)[0]["Plan"])
        return list(await self._pool.fetch(statement, *values))

    async def fetchrow(self, statement: str, *values: object) -> asyncpg.Record | None:
        """Return the first row."""
        return (await self.fetch(statement, *values))[0]


def rows_read(plan: Mapping[str, Any]) -> float:
    """Return how many rows of the log a plan has read."""
    here = 0.0
    if plan.get("Relation Name", "").startswith("ev_"):
        rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        here = plan["Actual Loops"] * (rows + plan.get("Rows Removed by Index Recheck", 0))
    return here + sum(rows_read(part) for part in plan.get("Plans", ()))


@pytest.mark.parametrize("case", READ)
async def test_a_page_is_found_without_reading_the_log(filled: tuple[Database, MemoryEvidence], case: str) -> None:
    """PostgreSQL itself says how many records it looked at: those of the blocks that can have it."""
    query, most = READ[case]
    async with open_evidence(login(filled[0], "recorder")) as pool:
        with rows_of(TENANT):
            watched = Watched(pool)
            reader = PostgresReader(cast("asyncpg.Pool", watched))
            head = await reader.head(TENANT, "")
            assert head is not None
            await reader.records(head, replace(query, limit=100))

    assert watched.read <= most


@pytest.mark.parametrize("kind", ["", "ATTEMPT"])
async def test_what_no_index_finds_is_looked_for_a_part_at_a_time(
    filled: tuple[Database, MemoryEvidence], kind: str
) -> None:
    """Every call reads few records, and the tokens of short and empty pages lead through the whole log."""
    query = Query(kind=kind, facts=[Fact(name="model", value="model 3")], since=at(5000), limit=1000)
    pages = list[list[int]]()
    async with open_evidence(login(filled[0], "recorder")) as pool:
        with rows_of(TENANT):
            watched = Watched(pool)
            reader = PostgresReader(cast("asyncpg.Pool", watched), read_through=BLOCK)
            archive, token = Archive(reader, cast("Keyring", None)), ""
            while token or not pages:
                before = watched.read
                page = await archive.list(TENANT, "", query, token)
                pages.append([each.index for each in page.records])
                token = page.next_token
                assert watched.read - before < 1.01 * BLOCK  # of a row more or less, for the plan tells averages

    memory = await filled[1].records(
        Head(log=0, origin="", tenant=TENANT, frontier=Frontier()), replace(query, limit=RECORDS)
    )
    assert [index for page in pages for index in page] == [each.index for each in memory.records if each.index != 8000]
    assert len(pages) >= 3


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (4940, 5040, range(4940, 5100)),
        (43_000, None, range(7000, 7001)),
        (None, 10, range(10)),
        (50_000, None, range(0)),
    ],
)
async def test_an_export_finds_the_range_of_a_time(
    store: Store, filled: tuple[Database, MemoryEvidence], since: int | None, until: int | None, expected: range
) -> None:
    """From the first record of the time to the last, also those that a late clock put there."""
    head = await head_of(store)
    async with open_evidence(login(filled[0], "recorder")) as pool:
        with rows_of(TENANT):
            times = [None if minute is None else at(minute) for minute in (since, until)]
            assert await PostgresRanges(pool).recorded(head, *times) == expected
