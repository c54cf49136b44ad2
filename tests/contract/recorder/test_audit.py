"""Nobody alters evidence unseen: T1 to T3 and C1 of the fault matrix, by whoever may do anything in the database."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.clock import SystemClock
from services.chassis.errors import Kind, MeshError
from services.chassis.postgres import open_pool
from services.recorder.adapters.seat import PostgresLedger, PostgresSeat
from services.recorder.core import note
from services.recorder.core.note import Checkpoint
from services.recorder.ports import SignedCheckpoint
from tests.contract.recorder.client import (
    Stub,
    append,
    at,
    audit,
    calling,
    entry,
    login,
    publishing,
    recording,
    tamper,
)
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database
from tools.verify import verify
from tools.verify.keys import VERIFIER_KEY

FORMER = "create table recorder.former (size bigint, frontier bytea)"
REMEMBER = "insert into recorder.former select size, frontier from recorder.head"
SWAPPED = """
update recorder.ev set seq = 99 where seq = 4;
update recorder.ev set seq = 4 where seq = 5;
update recorder.ev set seq = 5 where seq = 99"""
TURNED_BACK = """
delete from recorder.ev where seq > 3;
update recorder.head set size = 4, frontier = (select frontier from recorder.former where size = 4)"""
FORGED = """
update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 5;
update recorder.ev set leaf = sha256('\\x00'::bytea || envelope) where seq = 5"""
ALTERED: dict[str, tuple[str, int]] = {
    "an envelope": ("update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 1", 1),
    "a leaf": ("update recorder.ev set leaf = set_byte(leaf, 0, get_byte(leaf, 0) # 1) where seq = 2", 2),
    "an envelope and its leaf, after the checkpoint at size 4": (FORGED, 4),
    "a record is gone": ("delete from recorder.ev where seq = 1", 1),
    "two records changed places": (SWAPPED, 4),
    "the last two are gone": (TURNED_BACK, 4),
    "a root": ("update recorder.checkpoint set root = sha256('') where size = 6", 4),
    "a note": ("update recorder.checkpoint set note = replace(note, E'\\n4\\n', E'\\n5\\n') where size = 4", 3),
    "the checkpoints are gone": ("delete from recorder.checkpoint", 0),
    "the head": ("update recorder.head set frontier = sha256('') || sha256('')", 0),
    "a body": ("update recorder.ev_body set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where seq = 2", 2),
    "a body is gone": ("delete from recorder.ev_body where seq = 3", 3),
    "a key is gone": ("update recorder.dek set wrapped = null, subject = null, destroyed_at = now()", 0),
}


async def grow(stub: Stub, size: int) -> pb.GetCheckpointResponse:
    """Append until the log has ``size`` records; return its checkpoint."""
    while (await append(stub, secrets.token_hex(4))).position.index < size - 1:
        pass
    return await stub.GetCheckpoint(pb.GetCheckpointRequest())


async def damage(database: Database, keys: Path) -> MeshError:
    """Return what a recorder says of the log that is damaged."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        with pytest.raises(MeshError) as raised:
            await stub.GetCheckpoint(pb.GetCheckpointRequest())
    assert (raised.value.kind, raised.value.reason) == (Kind.INTERNAL, "RECORD_DAMAGED")
    return raised.value


@pytest.mark.spec("T10", "REC-07")
@pytest.mark.parametrize("case", ALTERED)
async def test_altered_log_is_signed_no_more(database: Database, keys: Path, case: str) -> None:
    """T1: a superuser changes one thing around every fence; the audit names the first bad index, nothing is signed."""
    statement, first_bad = ALTERED[case]
    tamper(database, FORMER)
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        for size in (4, 6):
            await grow(stub, size)
            tamper(database, REMEMBER)
    await audit(database, keys)
    tamper(database, statement)
    await audit(database, keys)

    assert (await damage(database, keys)).metadata["first_bad"] == str(first_bad)


@pytest.mark.spec("REC-07")
async def test_altered_tile_is_named(database: Database, keys: Path) -> None:
    """T1: a stored node of the tree that is not that of its records is named by its first record."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        message = [entry(f"k{n}") for n in range(600)]
        async for _ in stub.AppendStream(iter([pb.AppendStreamRequest(entries=message)])):
            pass
        await stub.GetCheckpoint(pb.GetCheckpointRequest())
    tamper(database, "update recorder.node set hash = sha256('') where number = 1")
    await audit(database, keys)

    assert (await damage(database, keys)).metadata["first_bad"] == "256"


@pytest.mark.spec("REC-07", "REC-08")
async def test_a_checkpoint_under_another_key_is_named(database: Database, keys: Path) -> None:
    """T1: whoever replaces every signature by those of a key of his own is not believed."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await grow(stub, 3)
    with psycopg.connect(database.owner_dsn) as connection:
        row = connection.execute(
            "select origin, c.size, root from recorder.checkpoint c join recorder.head using (log)"
        )
        origin, size, root = row.fetchone() or ("", 0, b"")
    forged = _signed_by_another(Checkpoint(origin=origin, size=size, root=root))
    tamper(database, f"update recorder.checkpoint set note = '{forged}'")  # noqa: S608 - base64
    await audit(database, keys)

    assert (await damage(database, keys)).metadata["first_bad"] == "2"


def _signed_by_another(checkpoint: Checkpoint) -> str:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    return note.sign(checkpoint.text(), name=checkpoint.origin, public_key=public, signer=key.sign)


@pytest.mark.spec("REC-07")
async def test_nothing_is_built_upon_an_altered_record(database: Database, keys: Path) -> None:
    """What was committed and altered before it was ever signed is not signed at all, and its index is named."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await grow(stub, 3)
        await append(stub, "k4")
        await append(stub, "k5")
        tamper(database, "update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 4")
        with pytest.raises(MeshError) as raised:
            await stub.GetCheckpoint(pb.GetCheckpointRequest())

    assert raised.value.metadata["first_bad"] == "4"


@pytest.mark.spec("REC-19", "REC-07")
async def test_the_tenant_s_security_log_tells_of_damage(database: Database, keys: Path) -> None:
    """What was found wrong with a log stands once in the security log of its tenant."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await grow(stub, 3)
        tamper(database, "update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 1")
        await audit(database, keys)
        for _ in range(2):
            await recorder.crier.cry()
        listed = await stub.ListRecords(pb.ListRecordsRequest(kind=pb.RECORD_KIND_SECURITY))

    (alarm,) = listed.records
    assert b'"event":"log_damaged"' in alarm.envelope
    assert b'"first_bad":"1"' in alarm.envelope


@pytest.mark.spec("REC-07", "REC-19")
async def test_bodies_drawn_by_lot_are_readable_or_erased(database: Database, keys: Path) -> None:
    """Erased content is in order; a key that was put in the place of another is not, and stands in the security log."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, "k1", subject_id="ada")
        await append(stub, "k2", subject_id="bob")
        await stub.EraseSubject(pb.EraseSubjectRequest(subject_id="ada", legal_basis="b"))
        assert await recorder.sampler.sample() == 0
        other = "(select wrapped from recorder.dek where wrapped is not null and subject is null limit 1)"
        tamper(database, f"update recorder.dek set wrapped = {other} where subject is not null")  # noqa: S608
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        while not await recorder.sampler.sample():
            pass
        listed = await stub.ListRecords(pb.ListRecordsRequest(kind=pb.RECORD_KIND_SECURITY))

    assert b'"event":"body_damaged"' in listed.records[0].envelope


@contextmanager
def yesterday(database: Database) -> Iterator[Database]:
    """Yield a copy of a database as it is now."""
    name = f"{database.name}_yesterday"
    server = database.server
    server.execute(f"create database {name} template {database.name}")
    try:
        yield Database(server=server, name=name)
    finally:
        server.execute(f"drop database {name} with (force)")


@pytest.mark.spec("REC-07", "REC-16")
async def test_a_store_that_was_turned_back_is_signed_no_more(database: Database, keys: Path) -> None:
    """T2: yesterday's backup is restored and goes on; the publisher remembers what it signed since, and refuses."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await grow(stub, 3)
    with yesterday(database) as restored:
        async with recording(database, keys) as recorder, calling(recorder) as stub:
            await grow(stub, 5)
        async with recording(restored, keys) as recorder, calling(recorder) as stub:
            await append(stub, "another-past")
            with pytest.raises(MeshError) as raised:
                await stub.GetCheckpoint(pb.GetCheckpointRequest())

    assert raised.value.metadata["first_bad"] == "4"
    assert "turned back" in raised.value.message or "from index 4" in raised.value.message


@pytest.mark.spec("REC-07", "REC-16")
async def test_another_past_of_the_same_length_is_not_signed(database: Database, keys: Path) -> None:
    """T2: a restored store that has grown beyond what was signed, by other records, is told from the signed one."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await grow(stub, 3)
    with yesterday(database) as restored:
        async with recording(database, keys) as recorder, calling(recorder) as stub:
            await grow(stub, 5)
        async with recording(restored, keys) as recorder, calling(recorder) as stub:
            for n in range(6):
                await append(stub, f"another-past-{n}")
            with pytest.raises(MeshError) as raised:
                await stub.GetCheckpoint(pb.GetCheckpointRequest())

    assert raised.value.metadata["first_bad"] == "3"


@asynccontextmanager
async def seat(database: Database) -> AsyncIterator[PostgresSeat]:
    """Yield a session of the publisher that did not wait for the seat."""
    async with open_pool(login(database, "publisher")) as pool, pool.acquire() as connection:
        yield PostgresSeat(connection)


@pytest.mark.spec("REC-07")
async def test_one_publisher_at_a_time(database: Database) -> None:
    """T3: while one publisher has the seat another waits for it, and goes on where the first one ended."""
    async with open_pool(login(database, "publisher")) as pool:
        ledger = PostgresLedger(pool)
        waiting = ledger.seat()
        with capture_logs() as lines:
            async with ledger.seat() as first:
                entering = asyncio.ensure_future(waiting.__aenter__())
                async with asyncio.timeout(30):
                    while not entering.done() and all(line["event"] != "standing_by" for line in lines):
                        await first.logs()
                assert not entering.done()
        async with asyncio.timeout(30):
            assert await (await entering).findings() == []
        await waiting.__aexit__(None, None, None)


@pytest.mark.spec("REC-07")
async def test_two_publishers_never_fork_a_log(database: Database, keys: Path) -> None:
    """T3: two that both believe to have the seat cannot both store a checkpoint upon the same one."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await grow(stub, 2)
        origin = (await append(stub, "last")).position.origin
    async with seat(database) as one, seat(database) as two:
        (log,) = await one.logs()
        stored = await asyncio.gather(
            *(who.publish(log, _made(origin, size), previous=2) for who, size in ((one, 3), (two, 4)))
        )
        assert sorted(stored) == [False, True]
        assert not await two.publish(log, _made(origin, 9), previous=2)


def _made(origin: str, size: int) -> SignedCheckpoint:
    checkpoint = Checkpoint(origin=origin, size=size, root=bytes(32))
    return SignedCheckpoint(checkpoint=checkpoint, note=checkpoint.text(), signed_at=datetime.now(UTC))


@pytest.mark.spec("REC-07")
async def test_a_publisher_that_lost_its_seat_takes_it_again(database: Database, keys: Path) -> None:
    """T3: a session that the server ended can store nothing; the publisher starts from what is stored."""
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'publisher'"
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        before = await grow(stub, 2)
        tamper(database, cut)
        after = await grow(stub, 4)
        proof = await stub.GetConsistencyProof(pb.GetConsistencyProofRequest(from_size=2))

    assert (after.tree_size, proof.from_root, proof.to_root) == (4, before.root, after.root)


class SetClock(SystemClock):
    """A clock that somebody sets."""

    time = datetime(2026, 8, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time that it was set to."""
        return self.time


@pytest.mark.spec("REC-07")
async def test_a_wrong_clock_changes_no_order(database: Database, keys: Path) -> None:
    """C1: an hour back, then thirty days ahead: the order is that of the indexes, and every checkpoint holds."""
    clock = SetClock()
    async with recording(database, keys, clock=clock) as recorder, calling(recorder) as stub:
        signed = []
        for size, step in enumerate((timedelta(), timedelta(hours=-1), timedelta(days=30)), start=1):
            clock.time += step
            await append(stub, f"k{size}")
            signed.append(await stub.GetCheckpoint(pb.GetCheckpointRequest()))
        for old in signed:
            request = pb.GetConsistencyProofRequest(from_size=old.tree_size)
            assert (await stub.GetConsistencyProof(request)).from_root == old.root
        proof = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(1, signed[1].origin)))
        listed = await stub.ListRecords(pb.ListRecordsRequest())
    await audit(database, keys)
    async with recording(database, keys, clock=clock) as recorder, calling(recorder) as stub:
        after = await stub.GetCheckpoint(pb.GetCheckpointRequest())  # is refused once an audit has found damage

    assert [checkpoint.tree_size for checkpoint in signed] == [1, 2, 3]
    assert after.root == signed[-1].root
    assert [record.idempotency_key for record in listed.records] == ["k1", "k2", "k3"]
    assert verify(bundle_of(proof), (keys / VERIFIER_KEY).read_text()).verified


@pytest.mark.spec("REC-07", "REC-08")
async def test_the_publisher_starts_from_the_signed_tree(database: Database, keys: Path) -> None:
    """A new publisher does not read old records again: it takes the tree from tiles whose root is the signed one."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await grow(stub, 5)
    tamper(database, "update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 1")
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        assert (await grow(stub, 7)).tree_size == 7
    async with publishing(database, keys):
        await audit(database, keys)

    assert (await damage(database, keys)).metadata["first_bad"] == "1"
