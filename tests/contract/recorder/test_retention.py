"""At the end of their retention bodies go, and everything that proves them stays."""

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.clock import SystemClock
from tests.contract.recorder.client import OTHER, PAYLOAD, Stub, append, at, calling, recording
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database, migrate
from tools.verify import verify
from tools.verify.keys import VERIFIER_KEY

OLD = "evidence/local/acme/2026h1"


class SetClock(SystemClock):
    """A clock whose date is set."""

    date = datetime(2026, 6, 30, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the date."""
        return self.date


async def record(stub: Stub, index: int, origin: str = "") -> pb.Record:
    """Get a record by place."""
    return (await stub.GetRecord(pb.GetRecordRequest(at=at(index, origin)))).record


@pytest.mark.spec("REC-15")
async def test_bodies_expire_and_the_log_stays(database: Database, keys: Path) -> None:
    """Nothing goes before its day; then content and its keys go, announced in the log, and every proof stands."""
    clock = SetClock()
    async with recording(database, keys, clock=clock, retention_days=30) as recorder, calling(recorder) as stub:
        await append(stub, subject_id="")
        clock.date = datetime(2026, 7, 30, tzinfo=UTC)
        await append(stub, "key-2", subject_id="", decision_id="decision-2")
        assert await recorder.keeper.tidy() == 0
        assert (await record(stub, 0, OLD)).payload == PAYLOAD

        clock.date = datetime(2026, 7, 31, tzinfo=UTC)
        assert await recorder.keeper.tidy() == 1
        assert await recorder.keeper.tidy() == 0

        gone = await record(stub, 0, OLD)
        proof = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0, OLD)))
        said = json.loads((await record(stub, 1)).envelope)
        kept = await record(stub, 0)
        again = await append(stub, subject_id="")

    assert (gone.payload, gone.body_state) == (b"", pb.BODY_STATE_EXPIRED)
    assert verify(bundle_of(proof), (keys / VERIFIER_KEY).read_text()).verified
    assert said["attributes"] == {"event": "bodies_dropped", "log": OLD, "records": "1"}
    assert kept.payload == PAYLOAD
    assert (again.already_recorded, again.position.origin) == (True, OLD)
    with psycopg.connect(database.owner_dsn) as connection:
        destroyed = connection.execute("select count(*) from recorder.dek where wrapped is null").fetchone()
    assert destroyed == (1,)


async def test_log_without_a_successor_is_kept(database: Database, keys: Path) -> None:
    """A tenant that fell silent keeps its newest log's bodies: their end could not be announced after them."""
    clock = SetClock()
    async with (
        recording(database, keys, clock=clock, retention_days=1) as recorder,
        calling(recorder) as stub,
        calling(recorder, OTHER) as other,
    ):
        await append(stub)
        clock.date = datetime(2030, 1, 1, tzinfo=UTC)
        await append(other)

        assert await recorder.keeper.tidy() == 0
        assert (await record(stub, 0)).payload == PAYLOAD


@pytest.mark.spec("REC-14")
async def test_content_survives_a_move_of_the_schema(database: Database, keys: Path) -> None:
    """Down to the first revision with keys and up again, every body of every log opens."""
    clock = SetClock()
    async with recording(database, keys, clock=clock) as recorder, calling(recorder) as stub:
        await append(stub)
        clock.date = datetime(2026, 7, 1, tzinfo=UTC)
        await append(stub, "key-2", decision_id="decision-2")
    migrate(database.owner_dsn, "recorder", revision="0002")
    migrate(database.owner_dsn, "recorder")

    async with recording(database, keys, clock=clock) as recorder, calling(recorder) as stub:
        assert (await record(stub, 0, OLD)).payload == PAYLOAD
        assert (await record(stub, 0)).payload == PAYLOAD
        assert (await append(stub, "key-3", decision_id="decision-3")).position.index == 1
