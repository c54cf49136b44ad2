"""What a database can do to a recorder without dying costs time, and no record: P1, P2 and P5 of the crash matrix."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.e2e.recorder.load import Acknowledged, load
from tests.e2e.recorder.oracle import check
from tests.e2e.recorder.process import recorder_process
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tests.fakes.process import ServiceProcess
from tools.verify.keys import generate

SOME = 200
"""Records that are acknowledged before and after a fault, so that it comes in the middle of work."""
PATIENCE_S = 60.0
"""Longest time that anything may take before a test gives up."""
CUT = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'recorder'"


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the recorder's schema."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Make the recorder's keys."""
    generate(tmp_path / "keys")
    return tmp_path / "keys"


@asynccontextmanager
async def loaded(
    folder: Path, keys: Path, database: Database, **settings: str
) -> AsyncIterator[tuple[ServiceProcess, Acknowledged]]:
    """Yield a recorder in the middle of work; afterwards it must have gone on by itself, and nothing may be lost."""
    async with recorder_process(folder, keys, database, **settings) as recorder:
        async with load(recorder.socket) as acknowledged:
            await acknowledged.more(SOME)
            yield recorder, acknowledged
            await acknowledged.more(SOME)
        assert recorder.process is not None
        assert recorder.process.returncode is None
        check(database, acknowledged.positions)


async def said(recorder: ServiceProcess, words: str, already: int = 0) -> None:
    """Wait until the recorder's log has these words once more than ``already``."""
    async with asyncio.timeout(PATIENCE_S):
        while (recorder.run_dir / "log").read_text().count(words) <= already:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


@contextmanager
def operator(database: Database) -> Iterator[psycopg.Connection]:
    """Yield a superuser's session outside of transactions."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        yield connection


@pytest.mark.spec("REC-02", "T11")
async def test_database_restarts_in_order(tmp_path: Path, keys: Path, database: Database) -> None:
    """P1: a fast restart, which ends every session in the middle of its work."""
    async with loaded(tmp_path / "run", keys, database) as (recorder, acknowledged):
        for turn in range(3):
            await asyncio.to_thread(database.server.stop)
            await said(recorder, "commit_failed", turn)
            await asyncio.to_thread(database.server.start)
            await acknowledged.more(SOME)


@pytest.mark.spec("REC-02", "T11")
async def test_database_is_frozen(tmp_path: Path, keys: Path, database: Database) -> None:
    """P2: a server that holds its connections and answers nothing is broken off, and nothing is committed twice."""
    # No statement runs out of time by itself, so it is the commit's own limit that breaks it off.
    impatient = {"MAGISTRATE_RECORDER_COMMIT_TIMEOUT_S": "0.3", "MAGISTRATE_POSTGRES_STATEMENT_TIMEOUT_S": "600"}
    async with loaded(tmp_path / "run", keys, database, **impatient) as (recorder, _):
        for turn in range(2):
            database.server.freeze()
            try:
                await said(recorder, "commit_failed", turn)
            finally:
                database.server.thaw()


@pytest.mark.spec("REC-02", "T11")
async def test_recorder_is_frozen(tmp_path: Path, keys: Path, database: Database) -> None:
    """P2: a recorder that stands still while its log grows by another's hand goes on where the log is now."""
    async with (
        recorder_process(tmp_path / "other", keys, database) as other,
        loaded(tmp_path / "run", keys, database) as (recorder, acknowledged),
    ):
        assert recorder.process is not None
        for _ in range(3):
            os.kill(recorder.process.pid, signal.SIGSTOP)
            try:
                async with load(other.socket, prefix="other") as meanwhile:
                    await meanwhile.more(SOME)
                acknowledged.positions.update(meanwhile.positions)
            finally:
                os.kill(recorder.process.pid, signal.SIGCONT)
            await acknowledged.more(SOME)


@pytest.mark.spec("REC-02", "T11")
async def test_no_connection_is_left(tmp_path: Path, keys: Path, database: Database) -> None:
    """P5: too many connections: the recorder loses its own and gets no other for a while."""
    async with loaded(tmp_path / "run", keys, database) as (recorder, _):
        with operator(database) as root:
            root.execute("alter role recorder connection limit 0")
            try:
                root.execute(CUT.encode())
                await said(recorder, "STORE_UNAVAILABLE", 2)
            finally:
                root.execute("alter role recorder connection limit -1")


@pytest.mark.spec("REC-02", "T11")
async def test_statements_run_out_of_time(tmp_path: Path, keys: Path, database: Database) -> None:
    """P5: a lock that is held for longer than a statement may take: the server ends it, the recorder repeats it."""
    short = {"MAGISTRATE_POSTGRES_STATEMENT_TIMEOUT_S": "0.2"}
    async with loaded(tmp_path / "run", keys, database, **short) as (recorder, _):
        with psycopg.connect(database.owner_dsn) as holder:
            holder.execute("select from recorder.head for update")
            await said(recorder, "commit_failed", 1)


@pytest.mark.spec("REC-02", "T11")
async def test_deadlock(tmp_path: Path, keys: Path, database: Database) -> None:
    """P5: an operator who takes the recorder's locks in the other order: whoever is sent back, all is written once."""
    async with loaded(tmp_path / "run", keys, database) as (recorder, _):
        async with asyncio.timeout(PATIENCE_S):
            while "WRITE_CONFLICT" not in (recorder.run_dir / "log").read_text():
                await asyncio.to_thread(_cross, database)


def _cross(database: Database) -> None:
    """Keep the recorder from writing while it holds its log, and ask for the log."""
    try:
        with psycopg.connect(database.owner_dsn) as connection:
            connection.execute("set deadlock_timeout = '5s'")  # the recorder is the one who notices
            connection.execute("lock table recorder.ev_body in share mode")
            connection.execute("select from recorder.head for update")
    except psycopg.errors.DeadlockDetected:
        return


@pytest.mark.spec("REC-02", "T11")
async def test_serialization_failures(tmp_path: Path, keys: Path, database: Database) -> None:
    """P5: under a stricter isolation two recorders of one log refuse each other again and again."""
    with operator(database) as root:
        root.execute("alter role recorder set default_transaction_isolation = 'repeatable read'")
        try:
            async with (
                recorder_process(tmp_path / "other", keys, database) as other,
                loaded(tmp_path / "run", keys, database) as (recorder, acknowledged),
            ):
                async with load(other.socket, recorder.socket, prefix="other") as both:
                    await both.more(SOME)
                    await said(recorder, "WRITE_CONFLICT")
                acknowledged.positions.update(both.positions)
        finally:
            root.execute("alter role recorder reset default_transaction_isolation")
