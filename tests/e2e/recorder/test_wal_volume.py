"""The volume of the write-ahead log is full: the server panics and stays down, and evidence waits at its producers."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.e2e.recorder.load import load
from tests.e2e.recorder.oracle import check
from tests.e2e.recorder.process import recorder_process
from tests.fakes.postgres import ACCOUNT, Database, PostgresServer, fresh_database, postgres_server
from tools.verify.keys import generate

SMALL = "48m"
"""Three segments of write-ahead log, and no fourth."""
LARGE = "256m"
SOME = 200
BALLAST = "insert into public.ballast select sha256(n::text::bytea) from generate_series(1, 20000) n"


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume whose size can be changed."""

    folder: Path

    def mount(self, size: str) -> bool:
        """Make it, or change its size; False where that is not allowed."""
        options = f"remount,size={size}" if self.folder.is_mount() else f"size={size}"
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(self.folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def volume() -> Iterator[Volume]:
    """Yield a small volume."""
    root = Path(tempfile.mkdtemp(prefix="wal-"))
    root.chmod(0o755)
    made = Volume(root / "volume")
    made.folder.mkdir()
    if not made.mount(SMALL):
        shutil.rmtree(root)
        pytest.skip("mounting a small volume needs root")
    try:
        yield made
    finally:
        subprocess.run(["umount", "-l", made.folder], check=True)  # noqa: S607
        shutil.rmtree(root)


@pytest.fixture
def server(volume: Volume) -> Iterator[PostgresServer]:
    """Yield a server of the test's own, whose write-ahead log lies on the small volume."""
    with postgres_server() as own:
        with fresh_database(own, migrations_of=["recorder"]):
            """The template is made while there is room for it."""
        own.execute("checkpoint")
        own.stop()
        log = own.folder / "data" / "pg_wal"
        shutil.move(log, volume.folder / "pg_wal")
        log.symlink_to(volume.folder / "pg_wal")
        for path in (volume.folder, *volume.folder.rglob("*")):
            if ACCOUNT:
                os.chown(path, ACCOUNT.uid, ACCOUNT.gid)
        own.start()
        yield own


@pytest.mark.spec("REC-02", "REC-05", "T11")
async def test_write_ahead_log_has_no_room(tmp_path: Path, volume: Volume, server: PostgresServer) -> None:
    """P4: nothing that was acknowledged is lost, and the recorder goes on by itself once there is room."""
    generate(tmp_path / "keys")
    with fresh_database(server, migrations_of=["recorder"]) as database:
        async with recorder_process(tmp_path / "run", tmp_path / "keys", database) as recorder:
            async with load(recorder.socket) as acknowledged:
                await acknowledged.more(SOME)
                await asyncio.to_thread(_fill, database)
                await asyncio.to_thread(_panicked, server)
                assert volume.mount(LARGE)
                await asyncio.to_thread(server.start)
                await acknowledged.more(SOME)
            assert recorder.process is not None
            assert recorder.process.returncode is None
        check(database, acknowledged.positions)


def _fill(database: Database) -> None:
    """Write until the server dies of it; a replica that never came back keeps every segment."""
    with psycopg.connect(database.owner_dsn, autocommit=True) as connection:
        connection.execute("select pg_create_physical_replication_slot('kept', true)")
        connection.execute("create table public.ballast (data bytea)")
        with suppress(psycopg.OperationalError):
            while True:
                connection.execute(BALLAST)


def _panicked(server: PostgresServer) -> None:
    """Wait until the server is down, as it stays: it cannot recover either without room."""
    assert server.process is not None
    server.process.wait(timeout=60)
