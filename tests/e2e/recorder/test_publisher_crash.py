"""K6: wherever the publisher dies, the next one signs the same or a later size, and no size has two roots."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.e2e.recorder.armed import KILLED
from tests.e2e.recorder.armed_publisher import POINTS
from tests.e2e.recorder.load import load
from tests.e2e.recorder.oracle import check
from tests.e2e.recorder.process import publisher_in, recorder_in
from tests.fakes.mesh import until
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.verify.keys import generate

RECORDS = 100


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the recorder's schema."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


def signed(database: Database) -> list[tuple[int, bytes]]:
    """Return size and root of every stored checkpoint."""
    with closing(psycopg.connect(database.owner_dsn)) as connection:
        return connection.execute("select size, root from recorder.checkpoint order by size").fetchall()


@pytest.mark.spec("REC-07", "REC-02")
@pytest.mark.parametrize("point", POINTS)
async def test_dies_at_every_point_of_signing(tmp_path: Path, database: Database, point: str) -> None:
    """Killed at one point under load, twice, then run to the end: one chain of checkpoints, the last of all records."""
    keys, folder = tmp_path / "keys", tmp_path / "run"
    generate(keys)
    folder.mkdir()
    recorder, publisher = recorder_in(folder, keys, database), publisher_in(folder, keys, database)
    await recorder.start()
    try:
        async with load(recorder.socket) as acknowledged:
            publisher.module = "tests.e2e.recorder.armed_publisher"
            publisher.settings = {**publisher.settings, "CRASH_AT": point, "CRASH_AFTER": "2"}
            for _ in range(2):
                await publisher.launch()
                assert await publisher.ended() == KILLED
                await acknowledged.more(RECORDS)
        before = signed(database)
        publisher.module = "services"
        await publisher.start()
        total = len(acknowledged.positions)

        async def all_signed() -> bool:
            return (await asyncio.to_thread(signed, database))[-1:] != before[-1:] and _size(database) == total

        await until(all_signed)
    finally:
        await asyncio.gather(recorder.kill(), publisher.kill())

    check(database, acknowledged.positions)
    assert signed(database)[: len(before)] == before
    assert _findings(database) == 0


def _size(database: Database) -> int:
    return max((size for size, _ in signed(database)), default=0)


def _findings(database: Database) -> int:
    with closing(psycopg.connect(database.owner_dsn)) as connection:
        row = connection.execute("select count(*) from recorder.finding").fetchone()
    return int(row[0]) if row else 0
