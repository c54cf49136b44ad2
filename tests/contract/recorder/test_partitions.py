"""Each log has tables of its own: made once, however many begin it at a time, and touched by its own tenant alone."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.call import Principal
from tests.contract.recorder.client import ACME, OTHER, append, calling, recording
from tests.fakes.postgres import Database

RECORDERS = 6


@pytest.mark.spec("REC-02")
async def test_first_appends_at_once_make_one_log(database: Database, keys: Path) -> None:
    """Six recorders that all begin the same log get it once, with one table of records and one of bodies."""
    async with AsyncExitStack() as open_:
        recorders = [await open_.enter_async_context(recording(database, keys)) for _ in range(RECORDERS)]
        stubs = [await open_.enter_async_context(calling(recorder)) for recorder in recorders]
        replies = await asyncio.gather(*(append(stub, f"key-{at}") for at, stub in enumerate(stubs)))

    assert {reply.position.index for reply in replies} == set(range(RECORDERS))
    assert len({reply.position.origin for reply in replies}) == 1
    with psycopg.connect(database.owner_dsn) as connection:
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'recorder' and tablename ~ '_[0-9]+$' order by 1"
        ).fetchall()
    assert len(tables) == 2
    assert [name.rpartition("_")[0] for (name,) in tables] == ["ev", "ev_body"]


async def test_no_call_touches_the_tables_of_other_tenants(database: Database, keys: Path) -> None:
    """While somebody else's log is locked as firmly as can be, a tenant records, repeats, reads and erases."""
    async with (
        recording(database, keys) as recorder,
        calling(recorder, OTHER) as other,
        calling(recorder, ACME) as acme,
        await psycopg.AsyncConnection.connect(database.owner_dsn) as operator,
    ):
        await append(other)
        await append(acme, kind=pb.RECORD_KIND_INTENT)
        row = await (await operator.execute("select log from recorder.head where tenant = 'other'")).fetchone()
        assert row
        await operator.execute(f"lock table recorder.ev_{row[0]}, recorder.ev_body_{row[0]}".encode())

        assert (await append(acme, kind=pb.RECORD_KIND_INTENT)).already_recorded
        await append(acme, "key-2", kind=pb.RECORD_KIND_OUTCOME, intent_key="key-1")
        await append(acme, "key-3")
        await acme.GetRecord(pb.GetRecordRequest(decision_id="decision-1"))
        await acme.ListRecords(pb.ListRecordsRequest(attributes={"policy": "1"}))
        assert (await acme.EraseSubject(pb.EraseSubjectRequest(subject_id="person-1", legal_basis="b"))).erased_count
        assert (await acme.GetRecord(pb.GetRecordRequest(decision_id="decision-1"))).record.erasure_basis == "b"


async def test_a_tenant_that_nobody_knows_has_no_tables(database: Database, keys: Path) -> None:
    """Reading makes nothing."""
    async with recording(database, keys) as recorder, calling(recorder, Principal(tenant="new")) as stub:
        await stub.ListRecords(pb.ListRecordsRequest())
    with psycopg.connect(database.owner_dsn) as connection:
        assert connection.execute("select count(*) from recorder.head").fetchone() == (0,)
