"""RecorderService.Export on the wire: what leaves is whole, tells what was erased, and verifies without us."""

import json
from pathlib import Path
from typing import Any

import pytest

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.errors import Kind, MeshError
from tests.contract.promises import reasons
from tests.contract.recorder.client import (
    OTHER,
    PAYLOAD,
    Stub,
    append,
    at,
    audit,
    calling,
    instant,
    recording,
    tamper,
)
from tests.contract.recorder.exports import ADA, BASIS, export, fill, pieces
from tests.fakes.postgres import Database
from tools.verify.archive import Damage, verify_archive
from tools.verify.keys import VERIFIER_KEY


def vkey(keys: Path) -> str:
    """Return the verifier key of a folder of keys."""
    return (keys / VERIFIER_KEY).read_text()


@pytest.mark.spec("REC-15", "REC-07")
@pytest.mark.parametrize(
    "asked", [(0, 0), (0, 256), (256, 512), (10, 20), (250, 300), (599, 600), (599, 601), (600, 0)]
)
async def test_any_range_verifies_offline(stub: Stub, keys: Path, tmp_path: Path, asked: tuple[int, int]) -> None:
    """Whatever part of a log is asked for, what leaves is checked against the signed root, and its content with it."""
    await fill(stub, 0, 300)
    await fill(stub, 300, 601)

    written = await export(stub, tmp_path / "out", start_index=asked[0], end_index=asked[1], include_payloads=True)
    found = verify_archive(tmp_path / "out", vkey(keys))

    assert found.damage is None, found.explanation
    assert (found.start, found.stop, found.tree_size) == (asked[0], asked[1] or 601, 601)
    assert found.content == {"OPENED": found.stop - found.start}
    assert written.contents == found.stop - found.start
    assert found.earlier == int(asked[0] < 300 and (asked[1] or 601) > 256)


@pytest.mark.spec("REC-15")
async def test_without_being_asked_no_content_leaves(stub: Stub, keys: Path, tmp_path: Path) -> None:
    """An export holds no content, opened or sealed, unless it is asked for; the records are all the same."""
    await append(stub)

    answers = await pieces(stub)
    await export(stub, tmp_path / "out")

    (records,) = [piece.records.records for piece in answers if piece.HasField("records")]
    assert [(record.payload, record.sealed_body, record.commitment_nonce) for record in records] == [(b"", b"", b"")]
    assert PAYLOAD not in b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    found = verify_archive(tmp_path / "out", vkey(keys))
    assert (found.damage, found.content) == (None, {"PRESENT": 1})


@pytest.mark.spec("REC-15")
async def test_erased_content_is_said_to_be(stub: Stub, keys: Path, tmp_path: Path) -> None:
    """Of an erased person the export has no content in any form, but place and basis of the erasure; it verifies."""
    await fill(stub, 0, 20)
    erased = await stub.EraseSubject(pb.EraseSubjectRequest(subject_id=ADA, legal_basis=BASIS))

    await export(stub, tmp_path / "out", include_payloads=True, include_sealed=True)
    found = verify_archive(tmp_path / "out", vkey(keys))

    assert found.damage is None, found.explanation
    assert found.content == {"ERASED": 2, "OPENED": 19, "SEALED": 19}
    facts = [json.loads(line) for line in (tmp_path / "out" / "content.jsonl").read_text().splitlines()]
    assert [each["index"] for each in facts if each["state"] == "ERASED"] == [0, 10]
    place = {"origin": erased.position.origin, "index": 20, "leaf": erased.position.leaf_hash.hex()}
    assert (facts[10]["basis"], facts[10]["erasure"]) == (BASIS, place)
    assert not (tmp_path / "out" / "content" / "010").exists()
    assert not (tmp_path / "out" / "sealed" / "010").exists()


async def test_erasure_that_is_not_in_the_range(stub: Stub, keys: Path, tmp_path: Path) -> None:
    """Where the record of an erasure is not part of what was exported, the verdict tells that nobody could look."""
    await fill(stub, 0, 300)
    await stub.EraseSubject(pb.EraseSubjectRequest(subject_id=ADA, legal_basis=BASIS))

    await export(stub, tmp_path / "out", end_index=20)

    found = verify_archive(tmp_path / "out", vkey(keys))
    assert (found.damage, found.content) == (None, {"ERASED_BY_A_RECORD_ELSEWHERE": 2, "PRESENT": 18})


@pytest.mark.spec("REC-15")
async def test_sealed_content_cannot_be_read(stub: Stub, keys: Path, tmp_path: Path) -> None:
    """A sealed export proves the bodies and shows nothing of them; nobody need be told of it."""
    await append(stub)

    await export(stub, tmp_path / "out", include_sealed=True)

    assert verify_archive(tmp_path / "out", vkey(keys)).content == {"SEALED": 1}
    assert PAYLOAD not in (tmp_path / "out" / "sealed" / "000").read_bytes()
    security = await stub.ListRecords(pb.ListRecordsRequest(kind=pb.RECORD_KIND_SECURITY))
    assert not security.records


@pytest.mark.spec("REC-15", "REC-19")
async def test_opened_content_leaves_on_record(stub: Stub) -> None:
    """Before readable content is handed out, the tenant's security log says which; who asked is erasable content."""
    await append(stub)

    await pieces(stub, include_payloads=True)

    (record,) = (await stub.ListRecords(pb.ListRecordsRequest(kind=pb.RECORD_KIND_SECURITY))).records
    said = json.loads(record.envelope)["attributes"]
    assert (said["event"], said["records"], said["content"]) == ("content_exported", "0-0", "of all")
    assert b"tester" not in record.envelope
    whole = await stub.GetRecord(pb.GetRecordRequest(at=at(0, record.position.origin)))
    assert whole.record.payload == b"tester"


@pytest.mark.spec("REC-15")
async def test_content_about_one_person(stub: Stub, keys: Path, tmp_path: Path) -> None:
    """For the person whom the content is about the export has theirs, and nobody else's."""
    await fill(stub, 0, 40)

    written = await export(stub, tmp_path / "out", include_payloads=True, subject_id=ADA)

    assert written.contents == 4
    assert verify_archive(tmp_path / "out", vkey(keys)).content == {"OPENED": 4, "PRESENT": 36}
    assert (tmp_path / "out" / "content" / "010").read_bytes() == b"answer 10"


async def test_records_of_a_time(stub: Stub, keys: Path, tmp_path: Path) -> None:
    """A time chooses the records that were recorded in it; a time without any gives an empty export that verifies."""
    await fill(stub, 0, 3)
    first = (await stub.GetRecord(pb.GetRecordRequest(at=at(2)))).record.recorded_at
    await append(stub, "later", decision_id="later")
    later = (await stub.GetRecord(pb.GetRecordRequest(at=at(3)))).record.recorded_at

    opening = (await pieces(stub, since=later))[0].log
    await export(stub, tmp_path / "none", until=instant(first.ToDatetime().replace(year=2020)))

    assert (opening.start_index, opening.end_index) == (3, 4)
    found = verify_archive(tmp_path / "none", vkey(keys))
    assert (found.damage, found.stop - found.start) == (None, 0)


async def test_a_large_record_has_a_message_of_its_own(stub: Stub) -> None:
    """Messages stay well below the wire's limit, however large the content of each record is."""
    for n in range(3):
        await append(stub, f"k{n}", decision_id=f"d{n}", payload=bytes(1 << 20))

    answers = await pieces(stub, include_payloads=True, include_sealed=True)

    assert [len(piece.records.records) for piece in answers if piece.HasField("records")] == [1, 1, 1]
    assert max(piece.ByteSize() for piece in answers) < 4 << 20


async def test_tenants_export_their_own(database: Database, keys: Path) -> None:
    """Another tenant's log does not exist."""
    async with recording(database, keys) as recorder, calling(recorder) as acme, calling(recorder, OTHER) as other:
        origin = (await append(acme)).position.origin
        with pytest.raises(MeshError) as raised:
            await pieces(other, origin=origin)

    assert (raised.value.kind, raised.value.reason) == (Kind.NOT_FOUND, "LOG_NOT_FOUND")


REFUSED: dict[str, tuple[dict[str, Any], Kind, str]] = {
    "no such log": ({"origin": "evidence/local/nobody/2026h2"}, Kind.NOT_FOUND, "LOG_NOT_FOUND"),
    "no name of a log": ({"origin": "two words"}, Kind.INVALID, "FIELD_MALFORMED"),
    "beyond the end": ({"end_index": 2}, Kind.OUT_OF_RANGE, "INDEX_OUT_OF_RANGE"),
    "backwards": ({"start_index": 1, "end_index": 1}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "before the start": ({"start_index": -1}, Kind.INVALID, "FIELD_OUT_OF_RANGE"),
    "long id": ({"subject_id": "p" * 257}, Kind.INVALID, "FIELD_TOO_LONG"),
    "control character": ({"subject_id": "a\0"}, Kind.INVALID, "FIELD_MALFORMED"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refused_exports(stub: Stub, case: str) -> None:
    """What no log has is refused with its reason before anything is handed out."""
    await append(stub)
    wanted, kind, reason = REFUSED[case]
    with pytest.raises(MeshError) as raised:
        await pieces(stub, **wanted)

    assert (raised.value.kind, raised.value.reason) == (kind, reason)
    assert reason in reasons("recorder")["Export"]


@pytest.mark.spec("REC-07")
async def test_an_altered_log_is_exported_and_does_not_verify(database: Database, keys: Path, tmp_path: Path) -> None:
    """A log that is signed no more leaves as it stands, under its last signature; the check names what was altered."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await fill(stub, 0, 300)
        tamper(database, "update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 270")
        await audit(database, keys)
        with pytest.raises(MeshError, match="RECORD_DAMAGED"):
            await stub.GetCheckpoint(pb.GetCheckpointRequest())

        await export(stub, tmp_path / "out")

    found = verify_archive(tmp_path / "out", vkey(keys))
    assert (found.damage, found.index) == (Damage.RECORD, 270)


@pytest.mark.spec("REC-07")
async def test_a_log_with_a_hole_is_not_exported_as_whole(database: Database, keys: Path) -> None:
    """A record that somebody removed behind the recorder's back ends the export with its index."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await fill(stub, 0, 3)
        tamper(database, "delete from recorder.ev where seq = 1")
        with pytest.raises(MeshError, match="index 1") as raised:
            await pieces(stub)

    assert (raised.value.kind, raised.value.reason) == (Kind.INTERNAL, "RECORD_DAMAGED")
