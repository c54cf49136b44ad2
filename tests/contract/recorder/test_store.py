"""One suite for every store of evidence: the log in memory and the one in PostgreSQL promise the same."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.recorder.core.merkle import Frontier
from services.recorder.core.proof import fold, inclusion_root, inclusion_spans, tiles_of
from services.recorder.core.search import Fact
from services.recorder.ports import Query
from tests.contract.recorder.stores import ORIGIN, START, TENANT, Opened, Store, entry, in_memory, in_postgres
from tests.fakes.postgres import Database


@pytest.fixture(params=[in_memory, in_postgres], ids=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Store]:
    """Yield each store in turn, empty."""
    opened: Opened = request.param
    async with opened(database) as fresh:
        yield fresh


@pytest.mark.spec("REC-21")
async def test_indexes_follow_each_other(store: Store) -> None:
    """Records get the next indexes in their order, batch after batch, and the head is the tree over them."""
    written = [await store.writer.append(TENANT, [entry(n) for n in range(start, start + 100)]) for start in (0, 100)]

    head = await store.reader.head(TENANT, "")

    assert head is not None
    assert [each.index for batch in written for each in batch.values()] == list(range(200))
    assert head.frontier == Frontier().extend(entry(n).leaf for n in range(200)).frontier
    assert (head.origin, head.tenant) == (ORIGIN, TENANT)


@pytest.mark.spec("REC-21", "REC-09")
async def test_a_key_names_one_record(store: Store) -> None:
    """A key that comes again, in the same batch or a later one or another log, gets the place it had."""
    first = await store.writer.append(TENANT, [entry(0), entry(1), entry(0)])
    again = await store.writer.append(TENANT, [entry(2), entry(1)])
    elsewhere = await store.writer.append(TENANT, [entry(0, origin="evidence/local/acme/2027h1")])

    assert [(key, each.index) for key, each in first.items()] == [("key-0", 0), ("key-1", 1)]
    assert (again["key-1"].already_recorded, again["key-1"].index, again["key-2"].index) == (True, 1, 2)
    assert (elsewhere["key-0"].origin, elsewhere["key-0"].already_recorded) == (ORIGIN, True)
    assert again["key-1"].leaf == entry(1).leaf


@pytest.mark.spec("REC-21")
async def test_what_was_written_is_read(store: Store) -> None:
    """A record is found by place and by decision, with its body; what is not there is not found."""
    await store.writer.append(TENANT, [entry(0), entry(1), replace(entry(2), decision_id="decision-0")])
    head = await store.reader.head(TENANT, ORIGIN)
    assert head is not None

    by_place, found = await store.reader.record(head, 1), await store.reader.decision(TENANT, "decision-0")

    assert by_place is not None
    assert (by_place.envelope, by_place.key, by_place.recorded_at) == (entry(1).envelope, "key-1", entry(1).recorded_at)
    assert by_place.body is not None
    assert by_place.body.sealed == b"sealed 1"
    assert found is not None
    assert found[1].index == 2
    assert await store.reader.record(head, 3) is None
    assert await store.reader.decision(TENANT, "decision-9") is None
    assert await store.reader.head(TENANT, "evidence/local/acme/2020h1") is None


QUERIES: dict[str, tuple[Query, list[int]]] = {
    "all": (Query(), [0, 1, 2, 3]),
    "a page": (Query(after=0, limit=2), [1, 2]),
    "a kind": (Query(kind="REVIEW"), [3]),
    "a decision": (Query(decision_id="decision-1"), [1]),
    "a time": (Query(since=START + timedelta(minutes=1), until=START + timedelta(minutes=3)), [1, 2]),
    "an attribute": (Query(kind="DECISION", facts=[Fact(name="number", value="2")]), [2]),
    "a name of one": (Query(kind="DECISION", facts=[Fact(name="number")]), [0, 1, 2]),
    "nothing": (Query(decision_id="none"), []),
}


@pytest.mark.spec("REC-21")
@pytest.mark.parametrize("case", QUERIES)
async def test_records_are_listed(store: Store, case: str) -> None:
    """Filters and pages find the same records in every store, in the order of the log."""
    await store.writer.append(TENANT, [*(entry(n) for n in range(3)), entry(3, kind="REVIEW")])
    head = await store.reader.head(TENANT, "")
    query, indexes = QUERIES[case]
    assert head is not None

    assert [each.index for each in (await store.reader.records(head, query)).records] == indexes


@pytest.mark.spec("REC-21", "REC-07")
async def test_tiles_prove_every_record(store: Store) -> None:
    """The tiles that a store keeps lead from any leaf to the head's root."""
    for start in (0, 200, 400):
        await store.writer.append(TENANT, [entry(n) for n in range(start, start + 200)])
    head = await store.reader.head(TENANT, "")
    assert head is not None

    for index in (0, 255, 256, 599):
        spans = inclusion_spans(index, 600)
        path = fold(spans, await store.reader.tiles(head.log, tiles_of(spans)))
        assert inclusion_root(entry(index).leaf, index, 600, path) == head.frontier.root()


@pytest.mark.spec("REC-21")
@pytest.mark.parametrize("way", [(in_memory, in_postgres), (in_postgres, in_memory)], ids=["to share", "to develop"])
async def test_a_log_moves(database: Database, way: tuple[Opened, Opened]) -> None:
    """Written again in its order, a log has the same indexes, leaves and root in the other store: every proof holds."""
    given = [entry(n) for n in range(300)]
    async with way[0](database) as old:
        await old.writer.append(TENANT, given)
        head = await old.reader.head(TENANT, "")
        assert head is not None
        kept = (await old.reader.records(head, Query(limit=1000))).records
        moved = [replace(given[at], envelope=each.envelope, leaf=each.leaf) for at, each in enumerate(kept)]
    async with way[1](database) as new:
        written = await new.writer.append(TENANT, moved)
        there = await new.reader.head(TENANT, "")

    assert there is not None
    assert there.frontier == head.frontier
    assert [(each.index, each.leaf) for each in written.values()] == [(at, each.leaf) for at, each in enumerate(kept)]
