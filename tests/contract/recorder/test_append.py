"""RecorderService on the wire: what Append and AppendStream promise, on a real PostgreSQL."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from services.chassis.call import Principal
from services.chassis.clock import SystemClock
from services.chassis.errors import Kind, MeshError, unavailable
from services.recorder.core.batch import Entry
from services.recorder.ports import EvidenceWriter, Written
from tests.contract.promises import reasons
from tests.contract.recorder.client import (
    OTHER,
    PAYLOAD,
    Changes,
    Fields,
    Stub,
    append,
    at,
    calling,
    entry,
    instant,
    recording,
)
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database, PostgresServer
from tools.verify import verify
from tools.verify.keys import VERIFIER_KEY


@pytest.mark.spec("REC-01", "REC-07")
async def test_what_is_appended_is_read_back(stub: Stub) -> None:
    """A record comes back whole, by decision and by place, and its leaf is the hash of its envelope."""
    position = (await append(stub)).position

    record = (await stub.GetRecord(pb.GetRecordRequest(decision_id="decision-1"))).record

    assert (record.payload, record.content_type, record.kind) == (PAYLOAD, "application/json", pb.RECORD_KIND_DECISION)
    assert record.position == position
    assert position.index == 0
    assert position.origin.startswith("evidence/local/tenant-")
    assert hashlib.sha256(b"\0" + record.envelope).digest() == position.leaf_hash
    assert record == (await stub.GetRecord(pb.GetRecordRequest(at=at(0)))).record
    assert record == (await stub.GetRecord(pb.GetRecordRequest(at=at(0, position.origin)))).record


@pytest.mark.spec("REC-01")
async def test_a_record_names_the_service_that_made_it(stub: Stub) -> None:
    """It is the one whose certificate the proxy verified; whoever repeats the record takes nothing of that away."""
    request = pb.AppendRequest(entry=entry())
    for service in ("engine", "router"):
        caller = f"By=spiffe://mesh/sa/recorder;URI=spiffe://mesh/sa/{service}"
        await stub.Append(request, metadata=[("x-forwarded-client-cert", caller)])

    (record,) = (await stub.ListRecords(pb.ListRecordsRequest())).records
    assert json.loads(record.envelope)["producer"] == "spiffe://mesh/sa/engine"


async def test_the_log_holds_no_personal_data(stub: Stub) -> None:
    """The envelope commits to payload and person without holding either, or a plain hash of either."""
    await append(stub)

    envelope = (await stub.GetRecord(pb.GetRecordRequest(at=at(0)))).record.envelope

    for secret in (PAYLOAD, b"person-1"):
        assert secret not in envelope
        assert hashlib.sha256(secret).hexdigest().encode() not in envelope
    assert json.loads(envelope)["attributes"] == {"policy": "1"}


async def test_bodies_rest_sealed(acme: Stub, database: Database) -> None:
    """The database holds the payload only encrypted."""
    await append(acme)

    with psycopg.connect(database.owner_dsn) as connection:
        (sealed,) = connection.execute("select sealed from recorder.ev_body").fetchone() or (b"",)

    assert len(sealed) > len(PAYLOAD)
    assert b"Lovelace" not in sealed


@pytest.mark.spec("REC-09")
async def test_same_key_same_content_same_index(stub: Stub) -> None:
    """A retry, whenever it comes, gets the first answer and adds nothing."""
    first = await append(stub)
    again = await append(stub)

    assert (first.already_recorded, again.already_recorded) == (False, True)
    assert first.position == again.position
    assert len((await stub.ListRecords(pb.ListRecordsRequest())).records) == 1


@pytest.mark.spec("REC-09")
@pytest.mark.parametrize(
    "changes",
    [
        {"payload": b"x"},
        {"subject_id": "p2"},
        {"kind": pb.RECORD_KIND_REVIEW},
        {"attributes": {}},
        {"content_type": "a/b"},
    ],
)
async def test_same_key_other_content(stub: Stub, changes: Fields) -> None:
    """A key that is used again for something else is refused, with both digests."""
    position = (await append(stub)).position

    with pytest.raises(MeshError) as raised:
        await append(stub, **changes)

    assert (raised.value.kind, raised.value.reason) == (Kind.EXISTS, "IDEMPOTENCY_CONFLICT")
    assert raised.value.metadata["recorded"] == position.leaf_hash.hex()
    assert raised.value.metadata["given"] != position.leaf_hash.hex()


@pytest.mark.spec("REC-09")
async def test_one_key_many_times_at_once(stub: Stub) -> None:
    """Fifty calls with one key at the same moment make one record."""
    answers = await asyncio.gather(*(append(stub) for _ in range(50)))

    assert {answer.position.index for answer in answers} == {0}


@pytest.mark.spec("REC-09", "REC-02")
async def test_commit_whose_reply_was_lost(database: Database, keys: Path) -> None:
    """A transaction that committed, but did not say so, is repeated and writes nothing twice."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        recorder.committer._writer = LostReplies(recorder.committer._writer, lost=2)
        answers = await asyncio.gather(*(append(stub, f"k{n}") for n in range(20)))
        listed = (await stub.ListRecords(pb.ListRecordsRequest())).records

    assert sorted(answer.position.index for answer in answers) == list(range(20))
    assert len(listed) == 20


class LostReplies(EvidenceWriter):
    """A writer whose first commits succeed unheard."""

    def __init__(self, writer: EvidenceWriter, *, lost: int) -> None:
        self._writer, self._lost = writer, lost

    async def append(self, tenant: str, entries: Sequence[Entry]) -> Mapping[str, Written]:
        """Write, and say of the first writes that nobody answered."""
        written = await self._writer.append(tenant, entries)
        if self._lost:
            self._lost -= 1
            raise unavailable("STORE_UNAVAILABLE", "the connection broke")
        return written


class SetClock(SystemClock):
    """A clock whose date is set."""

    date = datetime(2026, 6, 30, 23, 59, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the date."""
        return self.date


@pytest.mark.spec("REC-09")
async def test_half_year_turns(database: Database, keys: Path) -> None:
    """At the turn of a half-year a new log begins; a retry still finds its record in the old one."""
    clock = SetClock()
    async with recording(database, keys, clock=clock) as recorder, calling(recorder) as stub:
        old = (await append(stub)).position
        clock.date = datetime(2026, 7, 1, tzinfo=UTC)
        new = (await append(stub, "key-2", decision_id="decision-2")).position
        again = (await append(stub)).position
        proofs = [
            await stub.GetInclusionProof(pb.GetInclusionProofRequest(decision_id=name))
            for name in ("decision-1", "decision-2")
        ]

    assert (old.origin, new.origin) == ("evidence/local/acme/2026h1", "evidence/local/acme/2026h2")
    assert (old.index, new.index) == (0, 0)
    assert again == old
    assert all(verify(bundle_of(proof), (keys / VERIFIER_KEY).read_text()).verified for proof in proofs)


async def test_given_time_is_part_of_the_content(stub: Stub) -> None:
    """The time of the event is kept; a retry with another one is a conflict."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await append(stub, occurred_at=instant(yesterday))

    envelope = json.loads((await stub.GetRecord(pb.GetRecordRequest(at=at(0)))).record.envelope)

    assert datetime.fromisoformat(envelope["occurred_at"]) == yesterday
    with pytest.raises(MeshError, match="IDEMPOTENCY_CONFLICT"):
        await append(stub, occurred_at=instant(datetime.now(UTC)))


REFUSED: dict[str, tuple[Changes, str, str]] = {
    "no key": ({"key": ""}, "FIELD_REQUIRED", "idempotency_key"),
    "long key": ({"key": "k" * 201}, "FIELD_TOO_LONG", "idempotency_key"),
    "key with a space": ({"key": "a b"}, "FIELD_MALFORMED", "idempotency_key"),
    "no kind": ({"kind": pb.RECORD_KIND_UNSPECIFIED}, "ENUM_UNKNOWN", "kind"),
    "unknown kind": ({"kind": 99}, "ENUM_UNKNOWN", "kind"),  # type: ignore[typeddict-item]  # a later client
    "the recorder's own key": ({"key": "damage/evidence/local/acme/2026h2"}, "FIELD_MALFORMED", "idempotency_key"),
    "the recorder's own kind": ({"kind": pb.RECORD_KIND_ERASURE}, "ENUM_UNKNOWN", "kind"),
    "no content type": ({"content_type": ""}, "FIELD_REQUIRED", "content_type"),
    "long decision": ({"decision_id": "d" * 129}, "FIELD_TOO_LONG", "decision_id"),
    "long subject": ({"subject_id": "s" * 257}, "FIELD_TOO_LONG", "subject_id"),
    "subject with a control character": ({"subject_id": "a\0"}, "FIELD_MALFORMED", "subject_id"),
    "large payload": ({"payload": bytes((1 << 20) + 1)}, "FIELD_TOO_LONG", "payload"),
    "many attributes": ({"attributes": {f"a{n}": "" for n in range(21)}}, "FIELD_TOO_LONG", "attributes"),
    "long attribute": ({"attributes": {"a": "x" * 201}}, "FIELD_TOO_LONG", "attributes.a"),
    "large envelope": ({"attributes": {f"a{n}": "\0" * 200 for n in range(20)}}, "FIELD_TOO_LONG", "attributes"),
    "attribute name": ({"attributes": {"Ä": ""}}, "FIELD_MALFORMED", "attributes"),
    "impossible time": ({"occurred_at": Timestamp(seconds=1 << 60)}, "FIELD_MALFORMED", "occurred_at"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refused_entries(stub: Stub, case: str) -> None:
    """What breaks a rule is refused with the field, alone and in a stream, and nothing is recorded."""
    changes, reason, field = REFUSED[case]

    with pytest.raises(MeshError) as raised:
        await append(stub, **changes)
    requests = [pb.AppendStreamRequest(entry=entry(**changes))]
    answers = [answer async for answer in stub.AppendStream(iter(requests))]

    assert [(answer.reason, answer.HasField("position")) for answer in answers] == [(reason, False)]
    assert (raised.value.kind, raised.value.reason) == (Kind.INVALID, reason)
    assert reason in reasons("recorder")["Append"]
    assert raised.value.metadata["field"] == field
    assert not (await stub.ListRecords(pb.ListRecordsRequest())).records


async def test_tenant_that_cannot_be_in_an_origin(database: Database, keys: Path) -> None:
    """A call without a proper tenant is refused."""
    async with (
        recording(database, keys) as recorder,
        calling(recorder, Principal(tenant="a/b")) as stub,
    ):
        with pytest.raises(MeshError, match="FIELD_MALFORMED"):
            await append(stub)


@pytest.mark.spec("REC-03")
async def test_stream(stub: Stub) -> None:
    """A stream answers each key once; a bad record is refused in its place and the stream goes on."""
    requests = [pb.AppendStreamRequest(entry=entry(f"k{n}", decision_id=f"d{n}")) for n in range(300)]
    requests.insert(150, pb.AppendStreamRequest(entry=entry("bad", kind=pb.RECORD_KIND_UNSPECIFIED)))

    answers = [answer async for answer in stub.AppendStream(iter(requests))]

    good = [answer for answer in answers if not answer.reason]
    assert sorted(answer.position.index for answer in good) == list(range(300))
    assert {answer.idempotency_key for answer in good} == {f"k{n}" for n in range(300)}
    assert [(a.idempotency_key, a.reason) for a in answers if a.reason] == [("bad", "ENUM_UNKNOWN")]


@pytest.mark.spec("REC-05")
async def test_full_queue_refuses(database: Database, keys: Path) -> None:
    """While the queue is full a record is refused at once with the time to come again, never dropped."""
    async with recording(database, keys, queue_records=1) as recorder, calling(recorder) as stub:
        outcomes = await asyncio.gather(*(append(stub, f"k{n}") for n in range(20)), return_exceptions=True)

        refused = [outcome for outcome in outcomes if isinstance(outcome, MeshError)]
        written = [outcome for outcome in outcomes if isinstance(outcome, pb.AppendResponse)]
        listed = (await stub.ListRecords(pb.ListRecordsRequest())).records

    assert {(error.kind, error.reason) for error in refused} == {(Kind.EXHAUSTED, "QUEUE_FULL")}
    assert all(error.retry_after_s for error in refused)
    assert len(written) == len(listed) == len(outcomes) - len(refused)


@pytest.mark.spec("T11", "REC-02")
async def test_no_acknowledgement_without_the_database(
    postgres: PostgresServer, database: Database, keys: Path
) -> None:
    """While PostgreSQL is away an append ends as EVIDENCE_UNAVAILABLE, and goes through when it is back."""
    async with recording(database, keys, patience_s=1) as recorder, calling(recorder) as stub:
        await append(stub)
        postgres.crash()
        try:
            with pytest.raises(MeshError) as raised:
                await append(stub, "key-2")
            with pytest.raises(MeshError, match="STORE_UNAVAILABLE"):
                await stub.GetRecord(pb.GetRecordRequest(at=at(0)))
        finally:
            postgres.start()
        answer = await append(stub, "key-2")

    assert (raised.value.kind, raised.value.reason) == (Kind.UNAVAILABLE, "EVIDENCE_UNAVAILABLE")
    assert answer.position.index == 1


@pytest.mark.spec("T11")
async def test_append_waits_for_a_restarting_database(postgres: PostgresServer, database: Database, keys: Path) -> None:
    """An append that meets a short absence is retried within its deadline and succeeds."""
    async with recording(database, keys, patience_s=60) as recorder, calling(recorder, timeout_s=60) as stub:
        await append(stub)
        postgres.crash()
        waiting = asyncio.create_task(append(stub, "key-2"))
        await asyncio.to_thread(postgres.start)

        assert (await waiting).position.index == 1


async def test_frozen_database_is_broken_off(postgres: PostgresServer, database: Database, keys: Path) -> None:
    """A transaction that gets no answer is broken off and repeated, and makes one record."""
    async with recording(database, keys, commit_timeout_s=0.2) as recorder, calling(recorder) as stub:
        await append(stub)
        postgres.freeze()
        waiting = asyncio.create_task(append(stub, "key-2"))
        await asyncio.wait([waiting], timeout=0.5)
        postgres.thaw()

        assert (await waiting).position.index == 1
        assert len((await stub.ListRecords(pb.ListRecordsRequest())).records) == 2


@pytest.mark.spec("REC-03")
async def test_stream_of_many(stub: Stub) -> None:
    """A message of many records is answered in one, in their order; bad ones are refused in their place."""
    entries = [entry(f"k{n}", decision_id=f"d{n}") for n in range(120)]
    entries[60] = entry("bad", kind=pb.RECORD_KIND_UNSPECIFIED)
    entries[70] = entry("long", attributes={f"a{n}": "\0" * 200 for n in range(20)})
    entries[119] = entries[0]

    (answer,) = [answer async for answer in stub.AppendStream(iter([pb.AppendStreamRequest(entries=entries)]))]

    answers = answer.acknowledgements
    assert [each.idempotency_key for each in answers] == [each.idempotency_key for each in entries]
    assert {each.reason: each.idempotency_key for each in answers if each.reason} == {
        "ENUM_UNKNOWN": "bad",
        "FIELD_TOO_LONG": "long",
    }
    assert answers[119].position == answers[0].position
    assert sorted({each.position.index for each in answers if not each.reason}) == list(range(117))


@pytest.mark.spec("REC-03", "REC-05", "REC-09")
async def test_refusals_in_a_stream_say_as_much_as_a_call(database: Database, keys: Path) -> None:
    """A conflict shows both digests, a full queue when to come again."""
    async with recording(database, keys, queue_records=2) as recorder, calling(recorder) as stub:
        position = (await append(stub)).position
        conflict = pb.AppendStreamRequest(entry=entry(payload=b"other"))
        full = pb.AppendStreamRequest(entries=[entry(f"k{n}") for n in range(3)])
        answers = [answer async for answer in stub.AppendStream(iter([conflict, full]))]

    (refused,) = [answer for answer in answers if answer.reason]
    (many,) = [answer.acknowledgements for answer in answers if answer.acknowledgements]
    assert (refused.reason, refused.metadata["recorded"]) == ("IDEMPOTENCY_CONFLICT", position.leaf_hash.hex())
    assert refused.metadata["given"] != position.leaf_hash.hex()
    assert {each.reason for each in many} == {"QUEUE_FULL"}
    assert all(each.retry_after.ToTimedelta() for each in many)


async def test_stream_of_too_many(stub: Stub) -> None:
    """More records in one message than one message may have end the stream with the limit."""
    request = pb.AppendStreamRequest(entries=[entry(f"k{n}") for n in range(1001)])

    with pytest.raises(MeshError, match="FIELD_TOO_LONG"):
        _ = [answer async for answer in stub.AppendStream(iter([request]))]


@pytest.mark.spec("REC-19", "OBS-14")
async def test_security_events_have_a_stream_of_their_own(acme: Stub, keys: Path) -> None:
    """They stand in a log of their own, beside the decisions, are listed there, and are proven as everything is."""
    together = [entry("d"), entry("s", kind=pb.RECORD_KIND_SECURITY), entry("e", decision_id="decision-2")]
    (answer,) = [answer async for answer in acme.AppendStream(iter([pb.AppendStreamRequest(entries=together)]))]
    places = [each.position for each in answer.acknowledgements]
    again = (await append(acme, "s", kind=pb.RECORD_KIND_SECURITY)).position

    main, stream = places[0].origin, places[1].origin
    assert stream == main.replace("/acme/", "/acme/security/")
    assert [(place.origin, place.index) for place in places] == [(main, 0), (stream, 0), (main, 1)]
    assert again == places[1]
    listed = await acme.ListRecords(pb.ListRecordsRequest())
    events = await acme.ListRecords(pb.ListRecordsRequest(kind=pb.RECORD_KIND_SECURITY))
    assert [record.position for record in listed.records] == [places[0], places[2]]
    assert [record.position for record in events.records] == [places[1]]
    proof = await acme.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0, stream)))
    assert verify(bundle_of(proof), (keys / VERIFIER_KEY).read_text()).verified


async def test_companions_are_recorded_in_the_same_breath(stub: Stub) -> None:
    """One call records several; a repeat finds all of them, and one that breaks a rule refuses the call."""
    request = pb.AppendRequest(entry=entry("one"), companions=[entry("two"), entry("three")])
    first, again = await stub.Append(request), await stub.Append(request)
    keys = [record.idempotency_key for record in (await stub.ListRecords(pb.ListRecordsRequest())).records]

    assert (first.position.index, first.already_recorded, again.already_recorded) == (0, False, True)
    assert keys == ["one", "two", "three"]
    with pytest.raises(MeshError, match="IDEMPOTENCY_CONFLICT"):
        await stub.Append(pb.AppendRequest(entry=entry("four"), companions=[entry("two", payload=b"other")]))
    with pytest.raises(MeshError) as many:
        await stub.Append(pb.AppendRequest(entry=entry("five"), companions=[entry(f"more-{n}") for n in range(11)]))
    assert (many.value.reason, many.value.metadata["field"]) == ("FIELD_TOO_LONG", "companions")


@pytest.mark.spec("REC-05")
async def test_one_tenants_held_log_holds_up_no_other(database: Database, keys: Path) -> None:
    """While somebody holds a tenant's log, as a long erasure does, the others' records are acknowledged."""
    hold = "select from recorder.head where tenant = 'other' for update"
    async with (
        recording(database, keys, patience_s=60) as recorder,
        calling(recorder) as stub,
        calling(recorder, OTHER, timeout_s=60) as other,
    ):
        await append(other)
        with psycopg.connect(database.owner_dsn) as holder:
            holder.execute(hold)
            waiting = asyncio.create_task(append(other, "key-2"))
            await asyncio.sleep(0)
            for number in range(5):
                await append(stub, f"key-{number}")
                assert not waiting.done()
            holder.rollback()
        assert (await waiting).position.index == 1
