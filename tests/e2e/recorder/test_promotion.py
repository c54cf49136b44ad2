"""The database dies for good and its standby takes over: what was acknowledged had reached it."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.e2e.recorder.load import load
from tests.e2e.recorder.oracle import check
from tests.e2e.recorder.process import recorder_process
from tests.fakes.postgres import (
    ACCOUNT,
    BIN,
    OWNER,
    Database,
    PostgresServer,
    as_account,
    fresh_database,
    postgres_server,
)
from tools.chaos.proxy import Proxy
from tools.up.ports import choose
from tools.verify.keys import generate

SOME = 200


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Yield a running standby without which the primary acknowledges nothing."""
    with tempfile.TemporaryDirectory(prefix="standby-", ignore_cleanup_errors=True) as folder:
        standby = replace(
            primary, folder=Path(folder), port=choose(("standby",), kept={}, given={})["standby"], process=None
        )
        if ACCOUNT:
            os.chown(folder, ACCOUNT.uid, ACCOUNT.gid)
        _copy(primary, standby)
        try:
            standby.start()
            primary.execute("alter system set synchronous_commit = remote_apply")
            primary.execute("alter system set synchronous_standby_names = '*'")
            primary.execute("select pg_reload_conf()")
            _in_step(primary)
            yield standby
        finally:
            standby.stop()


def _copy(primary: PostgresServer, standby: PostgresServer) -> None:
    """Copy the primary's data, with the settings that make it follow."""
    data, whence = str(standby.folder / "data"), ["-h", primary.host, "-p", str(primary.port), "-U", OWNER]
    subprocess.run(
        as_account(str(BIN / "pg_basebackup"), "-D", data, "--write-recovery-conf", "--no-sync", *whence),
        env={**os.environ, "PGPASSWORD": primary.password},
        cwd=standby.folder,
        check=True,
        capture_output=True,
    )


def _in_step(primary: PostgresServer) -> None:
    """Wait until the primary waits for the standby."""
    with psycopg.connect(primary.dsn("postgres"), autocommit=True) as connection:
        while connection.execute("select from pg_stat_replication where sync_state = 'sync'").fetchone() is None:
            connection.execute("select pg_sleep(0.02)")


@pytest.mark.spec("REC-02", "T11")
async def test_standby_takes_over(tmp_path: Path) -> None:
    """P1: the primary is killed in the middle of work and never comes back; the standby is promoted and has it all."""
    generate(tmp_path / "keys")
    with (
        postgres_server() as primary,
        fresh_database(primary, migrations_of=["recorder"]) as database,
        standby_of(primary) as standby,
    ):
        async with Proxy(primary.port, seed=1).running() as proxy:
            seen = Database(server=replace(primary, port=proxy.port, process=None), name=database.name)
            async with recorder_process(tmp_path / "run", tmp_path / "keys", seen) as recorder:
                async with load(recorder.socket) as acknowledged:
                    await acknowledged.more(SOME)
                    await asyncio.to_thread(primary.crash)
                    standby.execute("select pg_promote()")
                    proxy.turn_to(standby.port)
                    await acknowledged.more(SOME)
                assert recorder.process is not None
                assert recorder.process.returncode is None
        check(Database(server=standby, name=database.name), acknowledged.positions)
        # For the clean-up the primary stands alone, and waits for no standby.
        (primary.folder / "data" / "postgresql.auto.conf").write_text("")
        primary.start()
