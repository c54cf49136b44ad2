"""No crash of the recorder or of PostgreSQL loses or doubles what was acknowledged."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import Departures, open_channel
from tests.e2e.recorder.armed import KILLED, POINTS
from tests.e2e.recorder.load import TENANT, load
from tests.e2e.recorder.oracle import check
from tests.e2e.recorder.process import recorder_process
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.verify import verify
from tools.verify.keys import VERIFIER_KEY, generate

BETWEEN_CRASHES = 300
"""Records that are acknowledged between two crashes, so that each comes in the middle of work."""


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


@pytest.mark.spec("REC-02", "T11", "REC-13")
async def test_killed_recorder(tmp_path: Path, keys: Path, database: Database) -> None:
    """Five times kill -9 in mid-load: every acknowledged record is there once, at its acknowledged index."""
    async with recorder_process(tmp_path / "run", keys, database) as recorder:
        async with load(recorder.socket) as acknowledged:
            for _ in range(5):
                await acknowledged.more(BETWEEN_CRASHES)
                await recorder.kill()
                await recorder.start()
            await acknowledged.more(BETWEEN_CRASHES)

        check(database, acknowledged.positions)
        await _proves(recorder.socket, keys, len(acknowledged.positions))


@pytest.mark.spec("REC-02", "T11", "REC-13")
async def test_crashed_database(tmp_path: Path, keys: Path, database: Database) -> None:
    """P1: three immediate restarts of PostgreSQL in mid-load, under a recorder that stays: the same promise."""
    async with recorder_process(tmp_path / "run", keys, database) as recorder:
        async with load(recorder.socket) as acknowledged:
            for _ in range(3):
                await acknowledged.more(BETWEEN_CRASHES)
                await asyncio.to_thread(database.server.crash)
                await asyncio.to_thread(database.server.start)
            await acknowledged.more(BETWEEN_CRASHES)

        check(database, acknowledged.positions)
        assert recorder.process is not None
        assert recorder.process.returncode is None
        await _proves(recorder.socket, keys, len(acknowledged.positions))


@pytest.mark.spec("REC-02")
async def test_two_recorders_one_killed(tmp_path: Path, keys: Path, database: Database) -> None:
    """T3: two recorders write one log, one of them dies: no fork, and the other goes on."""
    async with (
        recorder_process(tmp_path / "one", keys, database) as one,
        recorder_process(tmp_path / "two", keys, database) as two,
    ):
        async with load(one.socket, two.socket) as acknowledged:
            await acknowledged.more(BETWEEN_CRASHES)
            await one.kill()
            await acknowledged.more(BETWEEN_CRASHES)

        check(database, acknowledged.positions)
        await _proves(two.socket, keys, len(acknowledged.positions))


@pytest.mark.spec("REC-04")
async def test_drained_recorder(tmp_path: Path, keys: Path, database: Database) -> None:
    """SIGTERM under load: what waits is committed and acknowledged, and the process ends by itself."""
    async with recorder_process(tmp_path / "run", keys, database) as recorder:
        async with load(recorder.socket) as acknowledged:
            await acknowledged.more(BETWEEN_CRASHES)
            assert await recorder.stop() == 0
            await recorder.start()
            await acknowledged.more(1)

        check(database, acknowledged.positions)


@pytest.mark.spec("REC-02", "T11", "REC-13", "REC-09")
@pytest.mark.parametrize("point", POINTS)
async def test_dies_at_every_point_of_the_write_path(
    tmp_path: Path, keys: Path, database: Database, point: str
) -> None:
    """K1 to K5: wherever it dies, what was acknowledged stands in its place, and all else goes through once."""
    async with recorder_process(tmp_path / "run", keys, database) as recorder:
        async with load(recorder.socket) as acknowledged:
            await acknowledged.more(BETWEEN_CRASHES)
            assert await recorder.stop() == 0
            recorder.module = "tests.e2e.recorder.armed"
            recorder.settings = {**recorder.settings, "CRASH_AT": point, "CRASH_AFTER": "5"}
            await recorder.launch()
            assert await recorder.ended() == KILLED
            recorder.module = "services"
            await recorder.start()
            await acknowledged.more(BETWEEN_CRASHES)

        check(database, acknowledged.positions)
        await _proves(recorder.socket, keys, len(acknowledged.positions))


@pytest.mark.spec("REC-02", "T11")
async def test_connections_are_cut_and_rows_held(tmp_path: Path, keys: Path, database: Database) -> None:
    """P5: sessions that are ended by an operator, and a lock that somebody holds, cost time and nothing else."""
    cut = b"select pg_terminate_backend(pid) from pg_stat_activity where usename = 'recorder'"
    async with recorder_process(tmp_path / "run", keys, database) as recorder:
        async with load(recorder.socket) as acknowledged:
            for _ in range(5):
                await acknowledged.more(50)
                with psycopg.connect(database.owner_dsn) as operator:
                    operator.execute(cut)
            with psycopg.connect(database.owner_dsn) as operator:
                operator.execute("select from recorder.head for update")
                await asyncio.sleep(0.5)
            await acknowledged.more(BETWEEN_CRASHES)

        check(database, acknowledged.positions)
        assert recorder.process is not None
        assert recorder.process.returncode is None


async def _proves(socket: Path, keys: Path, count: int) -> None:
    """Verify first and last record offline."""
    channel = open_channel(str(socket), Departures(default_timeout_s=10, principal=TENANT))
    stub = RecorderServiceStub(channel)
    for index in (0, count - 1):
        reply = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=pb.LogIndex(index=index)))
        assert verify(bundle_of(reply), (keys / VERIFIER_KEY).read_text()).verified
    await channel.close()
