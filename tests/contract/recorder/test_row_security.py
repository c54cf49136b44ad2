"""The database itself shows the recorder one tenant's rows at a time, whatever its statements ask for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis import call
from services.chassis.call import Call
from services.chassis.rows import rows_of
from services.recorder.adapters.pool import open_evidence
from tests.contract.recorder.client import ACME, OTHER, append, calling, login, recording
from tests.fakes.postgres import Database

TABLES = ("head", "ev", "ev_body", "node", "checkpoint", "obligation", "block", "tenant_key", "dek", "tombstone")
ALL = "select count(*) from {}"


@pytest.fixture
async def filled(database: Database, keys: Path) -> Database:
    """Return a database in which two tenants have a row in every table."""
    async with recording(database, keys) as recorder:
        for principal in (ACME, OTHER):
            async with calling(recorder, principal) as stub:
                await append(stub, kind=pb.RECORD_KIND_INTENT)
                entries = [
                    pb.Entry(idempotency_key=f"k{n}", kind=pb.RECORD_KIND_ATTEMPT, content_type="a/b", payload=b"p")
                    for n in range(256)
                ]
                async for reply in stub.AppendStream(iter([pb.AppendStreamRequest(entries=entries)])):
                    assert len(reply.acknowledgements) == 256
                await stub.EraseSubject(pb.EraseSubjectRequest(subject_id="nobody", legal_basis="b"))
                await stub.GetCheckpoint(pb.GetCheckpointRequest())
    return database


@pytest.fixture
async def pool(filled: Database) -> AsyncIterator[asyncpg.Pool]:
    """Yield the recorder's own pool, of one connection."""
    settings = login(filled, "recorder").model_copy(update={"pool_max": 1})
    async with open_evidence(settings) as opened:
        yield opened


def total(database: Database, table: str) -> int:
    """Count the rows of all tenants."""
    with psycopg.connect(database.owner_dsn) as connection:
        (count,) = connection.execute(ALL.format(f"recorder.{table}").encode()).fetchone() or (0,)
    return int(count)


@pytest.mark.spec("S7", "S23")
@pytest.mark.parametrize("table", TABLES)
async def test_a_statement_without_a_filter_sees_one_tenant(filled: Database, pool: asyncpg.Pool, table: str) -> None:
    """The same connection, lent to one tenant after the other, shows each the half that is its own."""
    seen = []
    for tenant in ("acme", "other", "acme"):
        with rows_of(tenant):
            seen.append(await pool.fetchval(ALL.format(table)))

    assert seen[0] > 0
    assert seen[0] == seen[1] == seen[2] == total(filled, table) / 2


@pytest.mark.spec("S7")
@pytest.mark.parametrize("table", TABLES)
async def test_nobodys_rows_are_none(pool: asyncpg.Pool, table: str) -> None:
    """Work in nobody's name sees nothing, also on a connection that somebody has used before."""
    with rows_of("acme"):
        assert await pool.fetchval(ALL.format(table))

    assert await pool.fetchval(ALL.format(table)) == 0


@pytest.mark.spec("S7")
async def test_a_call_sees_its_callers_rows(pool: asyncpg.Pool) -> None:
    """Without a word of the code, the rows are those of the tenant that the call was made for."""

    async def serve() -> object:
        call.enter(Call(principal=OTHER))
        return await pool.fetchval("select tenant from head")

    assert await asyncio.create_task(serve()) == "other"


@pytest.mark.spec("S7")
@pytest.mark.parametrize(
    "statement",
    [
        "insert into node (log, level, number, hash) select log, 8, 7, sha256('') from (values (1), (2)) l (log)",
        "insert into ev_body (log, seq, sealed) select log, 999, '' from (values (1), (2)) l (log)",
        "insert into obligation (tenant, ik, log, seq, opened_at) values ('other', 'i', 1, 0, now())",
        "insert into tombstone (tenant, tag, erased_at, reference) values ('other', 't', now(), '')",
        "insert into tenant_key (tenant, version, master, wrapped) values ('other', 9, 'm', 'w')",
        "select open_log('evidence/local/other/2050h1', 'other')",
    ],
)
async def test_nothing_is_written_for_another_tenant(pool: asyncpg.Pool, statement: str) -> None:
    """A row of another tenant is refused as it is written."""
    with rows_of("acme"), pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


@pytest.mark.spec("S7")
async def test_another_tenants_rows_are_not_changed(filled: Database, pool: asyncpg.Pool) -> None:
    """What a statement cannot see it cannot change."""
    with rows_of("acme"):
        assert await pool.execute("update head set size = size + 1 where tenant = 'other'") == "UPDATE 0"
        assert await pool.execute("delete from obligation where tenant = 'other'") == "DELETE 0"
    assert total(filled, "obligation") == 2


@pytest.mark.spec("S7")
async def test_the_search_shows_what_the_table_shows(pool: asyncpg.Pool) -> None:
    """The view that may use the index of attributes has the same rows as the policy, for everybody."""
    for tenant in ("acme", "other", "nobody"):
        with rows_of(tenant):
            hidden = "select count(*) from (table searchable except all table ev) as more"
            assert await pool.fetchval(hidden) == 0
            assert await pool.fetchval(ALL.format("searchable")) == await pool.fetchval(ALL.format("ev"))
