"""E1 of the crash matrix: backup, erasure, restore, on the real PostgreSQL and its own backup programs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg
import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from tests.contract.recorder.client import OTHER, PAYLOAD, Stub, append, at, calling, instant, recording, tamper
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database, PostgresServer, fresh_database, migrator_dsn
from tools.backup import BackupError, Half, dump, restore
from tools.backup.drill import drill
from tools.backup.recovery import recover
from tools.verify import verify
from tools.verify.keys import VERIFIER_KEY, generate

COUNTED = ("head", "ev", "ev_body", "node", "checkpoint", "tenant_key")


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield the database that is backed up."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.fixture
def restored(postgres: PostgresServer) -> Iterator[Database]:
    """Yield an empty database for what is brought back."""
    with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture
def migrated(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database as a new stack makes it: tables, and nothing in them."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Make the recorder's keys."""
    generate(tmp_path / "keys")
    return tmp_path / "keys"


def counts(database: Database) -> list[int]:
    """Count the rows of every table but that of the data keys."""
    with psycopg.connect(database.owner_dsn) as connection:
        found = [connection.execute(f"select count(*) from recorder.{table}".encode()).fetchone() for table in COUNTED]  # noqa: S608
    return [row[0] for row in found if row]


async def state(stub: Stub, index: int) -> tuple[str, bytes]:
    """Return what became of a body, and what can be read of it."""
    record = (await stub.GetRecord(pb.GetRecordRequest(at=at(index)))).record
    return pb.BodyState.Name(record.body_state).removeprefix("BODY_STATE_"), record.payload


@pytest.mark.spec("REC-15", "REC-16")
async def test_erased_from_yesterdays_backup_too(
    tmp_path: Path, keys: Path, database: Database, restored: Database
) -> None:
    """Evidence of yesterday with keys of today: what was erased in between is gone, also where it comes again."""
    evidence, living_keys = tmp_path / "evidence", tmp_path / "living"
    happened = datetime.now(UTC)
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, "k0", subject_id="person-1", decision_id="d0")
        await append(stub, "k1", subject_id="person-2", decision_id="d1")
        proof = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))
        dump(database.owner_dsn, Half.EVIDENCE, evidence)
        before = counts(database)
        await stub.EraseSubject(pb.EraseSubjectRequest(subject_id="person-1", legal_basis="Art. 17"))
        dump(database.owner_dsn, Half.KEYS, living_keys)

    restore(restored.owner_dsn, evidence, living_keys)

    assert counts(restored) == before
    async with recording(restored, keys) as recorder, calling(recorder) as stub:
        assert await state(stub, 0) == ("ERASED", b"")
        assert await state(stub, 1) == ("PRESENT", PAYLOAD)
        late = await append(stub, "k2", subject_id="person-1", decision_id="d2", occurred_at=instant(happened))
        assert await state(stub, late.position.index) == ("PRESENT", b"")
        again = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))
    vkey = (keys / VERIFIER_KEY).read_text()
    assert verify(bundle_of(proof), vkey).verified
    assert verify(bundle_of(again), vkey).verified


@pytest.mark.spec("REC-15", "REC-16")
async def test_long_lived_backup_opens_nothing(
    tmp_path: Path, keys: Path, database: Database, restored: Database
) -> None:
    """Whoever has the evidence half and even the body key reads no content; log and proofs are whole."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, subject_id="person-1")
        await append(stub, "key-2", subject_id="", decision_id="decision-2")
    dump(database.owner_dsn, Half.EVIDENCE, tmp_path / "evidence")

    restore(restored.owner_dsn, tmp_path / "evidence")

    async with recording(restored, keys) as recorder, calling(recorder) as stub:
        assert await state(stub, 0) == await state(stub, 1) == ("KEY_MISSING", b"")
        proof = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(1)))
        assert verify(bundle_of(proof), (keys / VERIFIER_KEY).read_text()).verified


@pytest.mark.spec("REC-16")
async def test_restored_log_grows_on_and_keeps_its_fences(
    tmp_path: Path, keys: Path, database: Database, restored: Database
) -> None:
    """After a restore a retry finds its record, a new one follows it, and nothing can be altered."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        first = (await append(stub)).position
    for half in Half:
        dump(database.owner_dsn, half, tmp_path / f"{half}.dump")

    restore(restored.owner_dsn, *(tmp_path / f"{half}.dump" for half in Half))

    async with recording(restored, keys) as recorder, calling(recorder) as stub:
        assert (await append(stub)).position == first
        assert (await append(stub, "key-2", decision_id="decision-2")).position.index == 1
    with psycopg.connect(restored.owner_dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update recorder.ev set ik = 'x'")


@pytest.mark.spec("REC-16")
def test_backup_that_does_not_fit_changes_nothing(tmp_path: Path, database: Database, restored: Database) -> None:
    """A half that finds no tables, and a database that cannot be reached, are told apart from success."""
    dump(database.owner_dsn, Half.KEYS, tmp_path / "half")
    with pytest.raises(BackupError, match="dek"):
        restore(restored.owner_dsn, tmp_path / "half")
    with pytest.raises(BackupError, match="nowhere"):
        dump(database.owner_dsn.replace(database.name, "nowhere"), Half.EVIDENCE, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.spec("REC-16")
async def test_recovery_takes_the_place_of_empty_tables(
    tmp_path: Path, keys: Path, database: Database, migrated: Database
) -> None:
    """Into a database as a new stack makes it: all is read again, a new record follows, and the fences stand."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, subject_id="person-1")
    for half in Half:
        dump(database.owner_dsn, half, tmp_path / f"{half}.dump")

    (log,) = recover(migrated.owner_dsn, tmp_path)

    assert (log.size, log.records, log.bodies, log.keys, log.whole) == (1, 1, 1, 1, True)
    async with recording(migrated, keys) as recorder, calling(recorder) as stub:
        assert await state(stub, 0) == ("PRESENT", PAYLOAD)
        assert (await append(stub, "key-2", decision_id="decision-2")).position.index == 1
    with psycopg.connect(migrated.owner_dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("update recorder.ev set ik = 'x'")


@pytest.mark.spec("REC-16")
async def test_recovery_replaces_no_evidence(tmp_path: Path, keys: Path, database: Database) -> None:
    """Where there is a record nothing is brought back: it would be lost."""
    for half in Half:
        dump(database.owner_dsn, half, tmp_path / f"{half}.dump")
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub)
        before = counts(database)

        with pytest.raises(BackupError, match="holds 1 records"):
            recover(database.owner_dsn, tmp_path)

        assert counts(database) == before
        assert await state(stub, 0) == ("PRESENT", PAYLOAD)


@pytest.mark.spec("REC-16")
@pytest.mark.parametrize("half", list(Half))
def test_recovery_needs_both_halves_whole(tmp_path: Path, database: Database, migrated: Database, half: Half) -> None:
    """A database that is not there, and a half that is missing or no backup, are named before anything is changed."""
    for each in Half:
        dump(database.owner_dsn, each, tmp_path / f"{each}.dump")
    before = counts(migrated)
    with pytest.raises(BackupError, match="nowhere"):
        recover(migrated.owner_dsn.replace(migrated.name, "nowhere"), tmp_path)
    (tmp_path / f"{half}.dump").write_bytes(b"no backup")
    with pytest.raises(BackupError, match="pg_restore"):
        recover(migrated.owner_dsn, tmp_path)
    (tmp_path / f"{half}.dump").unlink()
    with pytest.raises(BackupError, match=f"{half}.dump is missing"):
        recover(migrated.owner_dsn, tmp_path)
    assert counts(migrated) == before


@pytest.mark.spec("REC-16")
async def test_drill(keys: Path, database: Database) -> None:
    """The drill brings every log back, beside the living database, and leaves nothing behind."""
    async with recording(database, keys) as recorder, calling(recorder) as stub, calling(recorder, OTHER) as other:
        for n in range(3):
            await append(stub, f"k{n}", decision_id=f"d{n}")
        await append(other)
        await stub.EraseSubject(pb.EraseSubjectRequest(subject_id="person-1", legal_basis="b"))

    found = drill(partial(migrator_dsn, database.server), database.server.dsn("postgres"), database.name)

    assert [(log.origin.split("/")[2], log.records, log.bodies, log.keys) for log in found] == [
        ("acme", 4, 4, 1),
        ("other", 1, 1, 1),
    ]
    assert all(log.whole for log in found)
    with psycopg.connect(database.server.dsn("postgres")) as connection:
        left = connection.execute("select count(*) from pg_database where datname like 'drill%'").fetchone()
    assert left == (0,)


@pytest.mark.spec("REC-16", "REC-07")
@pytest.mark.parametrize(
    "statement",
    [
        "update recorder.ev set envelope = envelope || ' ' where seq = 1",
        "delete from recorder.ev where seq = 1",
        "update recorder.ev_body set sealed = 'other' where seq = 1",
    ],
)
async def test_drill_finds_damage(keys: Path, database: Database, statement: str) -> None:
    """A record that was altered or removed makes its log not whole."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        for n in range(3):
            await append(stub, f"k{n}", decision_id=f"d{n}")
    tamper(database, statement)

    (log,) = drill(partial(migrator_dsn, database.server), database.server.dsn("postgres"), database.name)

    assert not log.whole
