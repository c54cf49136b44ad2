"""RecorderService on the wire: content about one person perishes for ever, and the log stays what it was."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import Kind, MeshError
from services.recorder.adapters import keyring
from services.recorder.adapters.keyring import PostgresKeyring
from services.recorder.adapters.keys import AesSeal
from tests.contract.promises import reasons
from tests.contract.recorder.client import OTHER, PAYLOAD, Fields, Stub, append, at, calling, instant, recording
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database
from tools.verify import verify
from tools.verify.keys import BODY_KEY, VERIFIER_KEY

BASIS = "GDPR Art. 17(1)(a)"


async def erase(
    stub: Stub, subject_id: str = "person-1", request_id: str = "", reference: str = ""
) -> pb.EraseSubjectResponse:
    """Erase a person."""
    request = pb.EraseSubjectRequest(subject_id=subject_id, legal_basis=BASIS, reference=reference)
    metadata = (("x-request-id", request_id),) if request_id else ()
    reply: pb.EraseSubjectResponse = await stub.EraseSubject(request, metadata=metadata)
    return reply


async def record(stub: Stub, index: int) -> pb.Record:
    """Get a record by place."""
    return (await stub.GetRecord(pb.GetRecordRequest(at=at(index)))).record


@pytest.mark.spec("REC-15")
async def test_erased_content_is_gone_and_said_to_be(stub: Stub) -> None:
    """The person's content is no more, with the erasure's place and basis; everybody else's is there."""
    for n, person in enumerate(("person-1", "person-2", "person-1", "")):
        await append(stub, f"k{n}", subject_id=person, decision_id=f"d{n}")
    assert (await record(stub, 0)).body_state == pb.BODY_STATE_PRESENT

    erased = await erase(stub)

    assert erased.erased_count == 2
    for index in (0, 2):
        gone = await record(stub, index)
        assert (gone.payload, gone.commitment_nonce) == (b"", b"")
        assert (gone.body_state, gone.erasure_basis) == (pb.BODY_STATE_ERASED, BASIS)
        assert gone.erasure == erased.position
    for index in (1, 3):
        assert (await record(stub, index)).payload == PAYLOAD


@pytest.mark.spec("REC-15")
async def test_erasure_is_itself_on_record(stub: Stub) -> None:
    """The log names the erased indexes and the basis, and neither the person nor anything to guess them by."""
    for n in range(5):
        await append(stub, f"k{n}", subject_id="person-1" if n != 2 else "person-2", decision_id=f"d{n}")

    position = (await erase(stub)).position
    kept = await record(stub, position.index)
    attributes = json.loads(kept.envelope)["attributes"]

    assert (position.index, kept.kind) == (5, pb.RECORD_KIND_ERASURE)
    assert attributes["legal_basis"] == BASIS
    assert attributes["erased_count"] == "4"
    assert attributes["records.00"] == f"{position.origin} 0-1,3-4"
    assert b"person" not in kept.envelope


@pytest.mark.spec("REC-15", "REC-07")
async def test_old_proofs_still_verify(acme: Stub, keys: Path) -> None:
    """A proof made before the erasure verifies after it, and so does one made afterwards; the log only grew."""
    await append(acme)
    before = await acme.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))

    await erase(acme)

    vkey = (keys / VERIFIER_KEY).read_text()
    after = await acme.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))
    grown = await acme.GetConsistencyProof(pb.GetConsistencyProofRequest(from_size=1, to_size=2))
    assert verify(bundle_of(before), vkey).verified
    assert verify(bundle_of(after), vkey).verified
    assert grown.to_size == 2
    assert after.record.envelope == before.record.envelope


async def test_the_same_call_is_answered_alike(stub: Stub) -> None:
    """A retry under its request id gets the first answer; a new call finds nothing more, and writes nothing."""
    await append(stub)

    first = await erase(stub, request_id="erase-1")
    again = await erase(stub, request_id="erase-1")
    later = await erase(stub, request_id="erase-2")
    other = await erase(stub, "person-2", request_id="erase-1")

    assert first == again
    assert later == other == pb.EraseSubjectResponse()
    assert len((await stub.ListRecords(pb.ListRecordsRequest())).records) == 2


@pytest.mark.spec("REC-09")
async def test_a_retry_of_an_erased_record(stub: Stub) -> None:
    """The key of an erased record still names it; other facts under that key are still a conflict."""
    position = (await append(stub)).position
    await erase(stub)

    again = await append(stub)

    assert (again.already_recorded, again.position) == (True, position)
    with pytest.raises(MeshError, match="IDEMPOTENCY_CONFLICT"):
        await append(stub, attributes={"policy": "2"})


async def test_life_goes_on_after_an_erasure(stub: Stub) -> None:
    """What is recorded about the person later gets a new key, is readable, and can be erased again."""
    await append(stub)
    await erase(stub)

    await append(stub, "key-2", decision_id="decision-2")
    assert (await record(stub, 2)).payload == PAYLOAD
    assert (await erase(stub)).erased_count == 1
    assert (await record(stub, 2)).body_state == pb.BODY_STATE_ERASED


async def test_another_process_learns_of_it(database: Database, keys: Path) -> None:
    """A recorder that remembers the key neither reads with it nor writes with it once another has destroyed it."""
    async with (
        recording(database, keys) as one,
        recording(database, keys) as two,
        calling(one) as here,
        calling(two) as there,
    ):
        await append(here)
        await append(there, "key-2", decision_id="decision-2")
        await erase(there)

        assert (await record(here, 0)).body_state == pb.BODY_STATE_ERASED
        again = await append(here, "key-3", decision_id="decision-3")
        assert (await record(there, again.position.index)).payload == PAYLOAD


async def test_tenants_erase_their_own(database: Database, keys: Path) -> None:
    """A person of the same name at another tenant is another person."""
    async with recording(database, keys) as recorder, calling(recorder) as acme, calling(recorder, OTHER) as other:
        await append(acme)
        await append(other)

        assert (await erase(other)).erased_count == 1
        assert (await record(acme, 0)).payload == PAYLOAD


@pytest.mark.spec("REC-17")
async def test_the_database_knows_no_person(acme: Stub, database: Database) -> None:
    """No column of any table holds the person's id or the content, before an erasure as after it."""
    await append(acme)
    assert holders(database, "key-1"), "what is there is found"
    assert holders(database, "person-1") | holders(database, "Ada Lovelace") == set()
    assert (await erase(acme)).erased_count == 1
    assert holders(database, "person-1") | holders(database, "Ada Lovelace") == set()


def holders(database: Database, text: str) -> set[str]:
    """Return the tables that hold a text in any cell, as such or as bytes."""
    found = set()
    with psycopg.connect(database.owner_dsn) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'recorder'").fetchall()
        for (table,) in tables:
            for row in connection.execute(sql.SQL("table recorder.{}").format(sql.Identifier(table))):
                cells = (cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
                found |= {table} if any(text.encode() in cell for cell in cells) else set()
    return found


def attributes(kept: pb.Record) -> dict[str, str]:
    """Return the attributes of a record."""
    found: dict[str, str] = json.loads(kept.envelope)["attributes"]
    return found


@pytest.mark.spec("REC-15", "E1")
async def test_what_comes_after_the_erasure_and_is_of_before(stub: Stub) -> None:
    """It stands in the log and its intent is closed, but it has neither content nor person; a retry finds it."""
    before = instant(datetime.now(UTC) - timedelta(hours=1))
    await append(stub, "intent", kind=pb.RECORD_KIND_INTENT, subject_id="", payload=b"", content_type="")
    await erase(stub, reference="e-1")

    late = (await append(stub, occurred_at=before)).position
    again = await append(stub, occurred_at=before)
    closing: Fields = {"kind": pb.RECORD_KIND_OUTCOME, "intent_key": "intent", "occurred_at": before, "decision_id": ""}
    await append(stub, "outcome", **closing)
    kept = await record(stub, late.index)
    still_open = await stub.ListRecords(pb.ListRecordsRequest(open_intents=True))
    named = await stub.ListRecords(pb.ListRecordsRequest(attributes={"erasure_id": "e-1"}))

    assert (again.already_recorded, again.position) == (True, late)
    assert (kept.payload, kept.content_type, json.loads(kept.envelope)["subject"]) == (b"", "", "")
    assert attributes(kept) == {"policy": "1", "erased": "before_it_was_recorded", "erasure_id": "e-1"}
    assert (kept.decision_id, kept.kind) == ("decision-1", pb.RECORD_KIND_DECISION)
    assert not still_open.records
    assert [each.idempotency_key for each in named.records] == ["key-1", "outcome"]
    assert (await erase(stub)).erased_count == 0
    with pytest.raises(MeshError, match="IDEMPOTENCY_CONFLICT"):
        await append(stub, occurred_at=before, decision_id="decision-2")


async def test_what_happens_after_the_erasure_is_kept(stub: Stub) -> None:
    """A record of later is readable, whenever it is delivered; another person's of before too."""
    before = instant(datetime.now(UTC) - timedelta(hours=1))
    await erase(stub)
    after = instant(datetime.now(UTC) + timedelta(seconds=1))

    await append(stub, "later", occurred_at=after)
    await append(stub, "other", occurred_at=before, subject_id="person-2")

    assert [(await record(stub, n)).payload for n in range(2)] == [PAYLOAD, PAYLOAD]


async def test_a_second_erasure_reaches_further(stub: Stub) -> None:
    """What happened between two erasures and comes after the second has no content; a retry of earlier ones is one."""
    before = instant(datetime.now(UTC) - timedelta(hours=1))
    await erase(stub, reference="e-1")
    first = (await append(stub, "first", occurred_at=before)).position
    between = instant(datetime.now(UTC))
    await erase(stub, reference="e-2")

    late = (await append(stub, "second", occurred_at=between)).position

    assert attributes(await record(stub, late.index))["erasure_id"] == "e-2"
    assert (await append(stub, "first", occurred_at=before)).position == first


async def test_a_retry_without_the_content_that_was_erased(stub: Stub) -> None:
    """Whoever took the content out of what it had still to deliver is told where the record stands already."""
    happened = instant(datetime.now(UTC))
    position = (await append(stub, occurred_at=happened)).position
    await erase(stub)
    emptied: Fields = {
        "payload": b"",
        "content_type": "",
        "subject_id": "",
        "occurred_at": happened,
        "attributes": {"policy": "1", "erased": "before_it_was_recorded"},
    }

    again = await append(stub, **emptied)

    assert (again.already_recorded, again.position) == (True, position)
    emptied["attributes"] = {"policy": "2", "erased": "before_it_was_recorded"}
    with pytest.raises(MeshError, match="IDEMPOTENCY_CONFLICT"):
        await append(stub, **emptied)


async def test_another_process_withholds_too(database: Database, keys: Path) -> None:
    """A recorder that remembers the key of the person learns of the erasure before it writes what is of before."""
    before = instant(datetime.now(UTC) - timedelta(hours=1))
    async with (
        recording(database, keys) as one,
        recording(database, keys) as two,
        calling(one) as here,
        calling(two) as there,
    ):
        await append(here, "k0", subject_id="person-1", decision_id="d0")
        await erase(there)
        late = (await append(here, "k1", occurred_at=before)).position

        assert (await record(there, late.index)).payload == b""


@pytest.mark.spec("REC-15")
@pytest.mark.parametrize("who", ["person-1", "asker"])
async def test_content_of_two_persons(stub: Stub, who: str) -> None:
    """What somebody asked about another perishes with either; what each has alone only with its own erasure."""
    await append(stub, "both", requester_id="asker")
    await append(stub, "asked", subject_id="", requester_id="asker", decision_id="d1")
    await append(stub, "about", decision_id="d2")

    erased = await erase(stub, who)
    present = [bool((await record(stub, n)).payload) for n in range(3)]

    assert erased.erased_count == 2
    assert present == [False, who != "asker", who == "asker"]
    await append(stub, "late", requester_id="asker", occurred_at=instant(datetime.now(UTC) - timedelta(hours=1)))
    assert (await record(stub, 4)).payload == b""


async def test_who_asked_about_oneself_is_one_person(stub: Stub) -> None:
    """The same id in both fields is one person with one key."""
    await append(stub, "k0", requester_id="person-1")
    await append(stub, "k1", decision_id="d1")

    assert (await erase(stub)).erased_count == 2


async def test_an_id_may_be_as_long_as_that_of_a_token(stub: Stub) -> None:
    """256 characters are a person; one more is refused with its field."""
    await append(stub, requester_id="p" * 256)
    with pytest.raises(MeshError) as raised:
        await append(stub, "key-2", requester_id="p" * 257)

    assert (raised.value.reason, raised.value.metadata["field"]) == ("FIELD_TOO_LONG", "requester_id")
    assert (await erase(stub, "p" * 256)).erased_count == 1


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "nobody": ({"legal_basis": BASIS}, "FIELD_REQUIRED", "subject_id"),
    "no basis": ({"subject_id": "p"}, "FIELD_REQUIRED", "legal_basis"),
    "long id": ({"subject_id": "p" * 257, "legal_basis": BASIS}, "FIELD_TOO_LONG", "subject_id"),
    "long basis": ({"subject_id": "p", "legal_basis": "b" * 201}, "FIELD_TOO_LONG", "legal_basis"),
    "control character": ({"subject_id": "a\0", "legal_basis": BASIS}, "FIELD_MALFORMED", "subject_id"),
    "reference": ({"subject_id": "p", "legal_basis": BASIS, "reference": "a b"}, "FIELD_MALFORMED", "reference"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refused_erasures(stub: Stub, case: str) -> None:
    """An erasure without a person or a reason is refused with the field."""
    fields, reason, field = REFUSED[case]
    with pytest.raises(MeshError) as raised:
        await stub.EraseSubject(pb.EraseSubjectRequest(**fields))

    assert (raised.value.kind, raised.value.reason, raised.value.metadata["field"]) == (Kind.INVALID, reason, field)
    assert reason in reasons("recorder")["EraseSubject"]


@pytest.mark.spec("REC-15")
async def test_content_from_before_there_were_keys(acme: Stub, database: Database, keys: Path) -> None:
    """A body that the body key itself seals is readable, and is emptied when its person is erased."""
    await append(acme)
    sealed = AesSeal((keys / BODY_KEY).read_text()).wrap(b"s" * 32 + b"old", b"acme key-1")[1]
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "update recorder.ev_body set sealed = %s, dek = null, personal = false, subject_id = 'person-1'", [sealed]
        )
    assert (await record(acme, 0)).payload == b"old"

    assert (await erase(acme)).erased_count == 1
    assert (await record(acme, 0)).body_state == pb.BODY_STATE_ERASED


@pytest.mark.spec("REC-08")
async def test_rotated_tenant_key(acme: Stub, database: Database) -> None:
    """With the tenant's new key everything stays readable, nothing is left under the old one, and that is destroyed."""
    await append(acme)
    await append(acme, "key-2", subject_id="", decision_id="decision-2")

    rotated = await acme.RotateTenantKey(pb.RotateTenantKeyRequest())
    await append(acme, "key-3", decision_id="decision-3")

    assert (rotated.version, rotated.rewrapped_count) == (2, 2)
    for index in range(3):
        assert (await record(acme, index)).payload == PAYLOAD
    with psycopg.connect(database.owner_dsn) as connection:
        keys = connection.execute("select version, wrapped is null from recorder.tenant_key order by 1").fetchall()
        used = connection.execute("select distinct tenant_key from recorder.dek").fetchall()
    assert keys == [(1, True), (2, False)]
    assert used == [(2,)]


async def test_records_are_written_while_keys_are_wrapped_anew(
    acme: Stub, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two pages of keys the tenant's log is free, and nothing that is sealed then stays under the old key."""
    monkeypatch.setattr(keyring, "REWRAPPED_AT_ONCE", 1)
    held, turns = PostgresKeyring._held, 0

    @asynccontextmanager
    async def writing_between(self: PostgresKeyring, tenant: str) -> AsyncIterator[Any]:
        nonlocal turns
        turns += 1
        if turns in {3, 7}:
            await append(acme, f"during-{turns}", subject_id="", decision_id=f"e{turns}")
        async with held(self, tenant) as connection:
            yield connection

    for number in range(10):
        await append(acme, f"before-{number}", subject_id="", decision_id=f"d{number}")
    monkeypatch.setattr(PostgresKeyring, "_held", writing_between)
    rotated = await acme.RotateTenantKey(pb.RotateTenantKeyRequest())

    assert (rotated.version, rotated.rewrapped_count, turns >= 12) == (2, 10, True)
    for index in range(12):
        assert (await record(acme, index)).payload == PAYLOAD
    with psycopg.connect(database.owner_dsn) as connection:
        assert connection.execute("select distinct tenant_key from recorder.dek").fetchall() == [(2,)]


async def test_of_two_rotations_at_once_none_loses_a_key(
    database: Database, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was overtaken says so; the next one leaves one key at work, and everything is readable."""
    monkeypatch.setattr(keyring, "REWRAPPED_AT_ONCE", 1)
    async with recording(database, keys) as one, recording(database, keys) as two, calling(one) as stub:
        for number in range(20):
            await append(stub, f"k{number}", subject_id="", decision_id=f"d{number}")
        rotations = [recorder.servicer._keyring.rotate("acme") for recorder in (one, two)]
        ended = await asyncio.gather(*rotations, return_exceptions=True)
        await stub.RotateTenantKey(pb.RotateTenantKeyRequest())
        for index in range(20):
            assert (await record(stub, index)).payload == PAYLOAD

    assert {each.reason for each in ended if isinstance(each, MeshError)} <= {"WRITE_CONFLICT"}
    assert any(isinstance(each, tuple) for each in ended)
    with psycopg.connect(database.owner_dsn) as connection:
        live = connection.execute("select count(*) from recorder.tenant_key where wrapped is not null").fetchone()
    assert live == (1,)


async def test_rotation_is_seen_by_every_process(database: Database, keys: Path) -> None:
    """A recorder that remembers the destroyed tenant key seals anew with the new one, and loses nothing."""
    async with (
        recording(database, keys) as one,
        recording(database, keys) as two,
        calling(one) as here,
        calling(two) as there,
    ):
        await append(here)
        await there.RotateTenantKey(pb.RotateTenantKeyRequest())
        for n, person in enumerate(("person-1", "", "person-9"), start=1):
            await append(here, f"k{n}", subject_id=person, decision_id=f"d{n}")
            assert (await record(there, n)).payload == PAYLOAD


async def test_body_key_is_replaced(database: Database, keys: Path) -> None:
    """A new body key above the old one, then a rotation: without the old one all is readable, and can be erased."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub)
    path = keys / BODY_KEY
    path.write_text("bmV3" * 10 + "bmU=\n" + path.read_text())
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        assert (await record(stub, 0)).payload == PAYLOAD
        await stub.RotateTenantKey(pb.RotateTenantKeyRequest())
    path.write_text(path.read_text().splitlines()[0])
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        assert (await record(stub, 0)).payload == PAYLOAD
        assert (await erase(stub)).erased_count == 1
