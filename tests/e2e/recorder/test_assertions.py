"""What can never be true ends the recorder, in production as in a test."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import Departures, open_channel
from services.chassis.errors import MeshError
from tests.e2e.recorder.load import TENANT
from tests.e2e.recorder.process import recorder_process
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.verify.keys import generate

# A head that moves under its lock: what a restored disk, a second owner or a bug of the server could do.
MOVES = """
create function recorder.moves() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() > 1 then
        return new;
    end if;
    update recorder.head set size = size + 7 where log = new.log;
    return null;
end $$;
create trigger a_moves before update on recorder.head for each row execute function recorder.moves();
grant execute on function recorder.moves() to public;
"""


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the recorder's schema."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.mark.spec("REC-02", "REC-07")
async def test_a_log_that_moved_under_its_lock_ends_the_recorder(tmp_path: Path, database: Database) -> None:
    """Nothing is acknowledged, nothing is written, the process ends and its exit code says that it failed."""
    generate(tmp_path / "keys")
    async with recorder_process(tmp_path / "run", tmp_path / "keys", database) as recorder:
        channel = open_channel(str(recorder.socket), Departures(default_timeout_s=10, principal=TENANT))
        stub = RecorderServiceStub(channel)
        await stub.Append(pb.AppendRequest(entry=_entry("before")))
        with psycopg.connect(database.owner_dsn) as operator:
            operator.execute(MOVES)
        with pytest.raises(MeshError):
            await stub.Append(pb.AppendRequest(entry=_entry("after")))
        await channel.close()

        assert await recorder.ended() == 1
        assert "LogDivergedError" in (recorder.run_dir / "log").read_text()
    with psycopg.connect(database.owner_dsn) as operator:
        assert operator.execute("select ik from recorder.ev").fetchall() == [("before",)]


def _entry(key: str) -> pb.Entry:
    return pb.Entry(idempotency_key=key, kind=pb.RECORD_KIND_ATTEMPT, payload=b"p", content_type="a/b")
