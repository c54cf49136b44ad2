"""A producer's outbox and the log: what one of them forgets in a crash the other remembers."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from tests.e2e.recorder.process import recorder_process
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tests.fakes.process import ROOT
from tools.verify.keys import generate

LETTERS = 20
PRODUCER = """
import asyncio, asyncpg, os, pathlib, sys
from magistrate.recorder.v1.recorder_pb2 import AppendRequest
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import Departures, open_channel
from services.chassis.config import SecretFile
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.relay import Relay

host, port, database, password, recorder, die = sys.argv[1:]

async def main():
    settings = PostgresSettings(host=host, port=int(port), database=database, user="engine", schema="engine",
                                password_file=SecretFile(pathlib.Path(password)))
    channel = open_channel(recorder, Departures(default_timeout_s=30))
    stub = RecorderServiceStub(channel)
    async def deliver(letter):
        reply = await stub.Append(AppendRequest.FromString(letter.body), metadata=letter.metadata)
        print(letter.letter_id, reply.position.index, flush=True)
    async with open_pool(settings) as pool:
        relay = Relay(pool, deliver, box="test", lease_s=0.2)
        execute = asyncpg.Pool.execute
        async def armed(self, query, *args):
            if die == "yes" and query.startswith("delete"): os._exit(137)
            return await execute(self, query, *args)
        asyncpg.Pool.execute = armed
        while await pool.fetchval("select count(*) from outbox"):
            await relay.deliver_due()
    await channel.close()
asyncio.run(main())
"""


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the recorder and a service that has an outbox."""
    with fresh_database(postgres, migrations_of=["engine", "recorder"]) as fresh:
        yield fresh


def letters(database: Database) -> None:
    """Write letters, as the transaction of a cause does."""
    with psycopg.connect(database.owner_dsn) as connection:
        for number in range(LETTERS):
            entry = pb.Entry(
                idempotency_key=f"letter-{number}",
                kind=pb.RECORD_KIND_CHANGE,
                payload=b"{}",
                content_type="application/json",
            )
            body = pb.AppendRequest(entry=entry).SerializeToString()
            connection.execute(
                "insert into engine.outbox (letter_id, tenant, subject, body) values (%s, 'acme', '', %s)",
                [f"letter-{number}", body],
            )


def deliver(database: Database, recorder: Path, *, die: bool) -> tuple[int, list[tuple[str, int]]]:
    """Run a producer's relay until its outbox is empty or it dies; return its exit code and what was acknowledged."""
    login = [database.host, str(database.port), database.name, str(database.password_file)]
    ran = subprocess.run(
        [sys.executable, "-c", PRODUCER, *login, str(recorder), "yes" if die else "no"],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'gen/python'}", "MAGISTRATE_LOG_LEVEL": "error"},
        capture_output=True,
        check=False,
        text=True,
    )
    said = [line.split() for line in ran.stdout.splitlines() if line.startswith("letter-")]
    assert ran.returncode in {0, 137}, ran.stderr
    return ran.returncode, [(name, int(index)) for name, index in said]


@pytest.mark.spec("REC-02", "REC-09")
async def test_relay_dies_between_sending_and_deleting(tmp_path: Path, database: Database) -> None:
    """K8: what was acknowledged and not deleted is sent again, and stands where it stood."""
    generate(tmp_path / "keys")
    letters(database)
    async with recorder_process(tmp_path / "run", tmp_path / "keys", database) as recorder:
        died, first = await asyncio.to_thread(deliver, database, recorder.socket, die=True)
        ended, second = await asyncio.to_thread(deliver, database, recorder.socket, die=False)

    assert (died, ended) == (137, 0)
    assert sorted(first) == sorted(second)
    assert len(first) == LETTERS
    with psycopg.connect(database.owner_dsn) as connection:
        stored = connection.execute("select ik, seq from recorder.ev order by seq").fetchall()
        left = connection.execute("select count(*) from engine.outbox").fetchone()
    assert sorted(stored) == sorted(first)
    assert left == (0,)
