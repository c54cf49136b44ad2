"""RecorderService on the wire: every RPC and every reason, through the full chain, on a real PostgreSQL."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub, add_RecorderServiceServicer_to_server
from services.chassis.call import Principal
from services.chassis.clock import Clock, SystemClock
from services.chassis.config import SecretFile
from services.chassis.errors import Kind, MeshError, unavailable
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.testing import Registration, serving
from services.recorder.adapters.keys import AesSeal, Ed25519Signer
from services.recorder.assembly import Recorder, assemble
from services.recorder.config import Config
from services.recorder.core.batch import Entry
from services.recorder.main import SERVICE
from services.recorder.ports import EvidenceWriter, Written
from tests.fakes.bundles import bundle_of
from tests.fakes.postgres import Database, PostgresServer, fresh_database
from tools.verify import Fault, verify
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, generate

if TYPE_CHECKING:
    from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceAsyncStub

Stub: TypeAlias = "RecorderServiceAsyncStub"
ACME = Principal(tenant="acme", subject="tester", roles=("admin",))
OTHER = Principal(tenant="other", subject="tester", roles=("admin",))
PAYLOAD = b'{"answer":"Ada Lovelace has 25 days of leave"}'


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a fresh database with the recorder's schema."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Make the recorder's keys."""
    generate(tmp_path)
    return tmp_path


def configure(keys: Path, **settings: Any) -> Config:
    """Return the recorder's configuration with keys from a folder."""
    return Config(
        signing_key_file=SecretFile(keys / SIGNING_KEY), body_key_file=SecretFile(keys / BODY_KEY), **settings
    )


@asynccontextmanager
async def recording(
    database: Database, keys: Path, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Recorder]:
    """Yield a recorder whose committer runs; checkpoints are signed only on demand."""
    config = configure(keys, **settings)
    postgres = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.name,
        user="recorder",
        password_file=SecretFile(database.password_file),
        schema="recorder",
        connect_timeout_s=1,
    )
    signer, seal = Ed25519Signer(config.signing_key_file.read()), AesSeal(config.body_key_file.read())
    async with open_pool(postgres) as pool:
        recorder = assemble(config, pool, signer=signer, seal=seal, clock=clock or SystemClock())
        committing = asyncio.create_task(recorder.committer.run())
        try:
            yield recorder
        finally:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)


@asynccontextmanager
async def calling(recorder: Recorder, principal: Principal = ACME, *, timeout_s: float = 10) -> AsyncIterator[Stub]:
    """Serve a recorder in this process."""
    registration = Registration(add_RecorderServiceServicer_to_server, recorder.servicer, SERVICE)
    async with serving([registration], principal=principal, timeout_s=timeout_s) as channel:
        yield RecorderServiceStub(channel)


@pytest.fixture(scope="module")
def shared(postgres: PostgresServer) -> Iterator[Database]:
    """Yield one database for all tests that need no more than a tenant of their own."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        yield fresh


@pytest.fixture
async def stub(shared: Database, keys: Path) -> AsyncIterator[Stub]:
    """Yield a client of a new tenant."""
    principal = Principal(tenant=f"tenant-{secrets.token_hex(4)}", subject="tester", roles=("admin",))
    async with recording(shared, keys) as recorder, calling(recorder, principal) as client:
        yield client


@pytest.fixture
async def acme(database: Database, keys: Path) -> AsyncIterator[Stub]:
    """Yield a client of tenant acme, the only one in a database of its own."""
    async with recording(database, keys) as recorder, calling(recorder) as client:
        yield client


def entry(key: str = "key-1", **changes: Any) -> pb.Entry:
    """Return a good entry, but for ``changes``."""
    good: dict[str, Any] = {
        "idempotency_key": key,
        "kind": pb.RECORD_KIND_DECISION,
        "decision_id": "decision-1",
        "subject_id": "person-1",
        "payload": PAYLOAD,
        "content_type": "application/json",
        "attributes": {"policy": "1"},
    }
    return pb.Entry(**(good | changes))


async def append(stub: Stub, key: str = "key-1", **changes: Any) -> pb.AppendResponse:
    """Append one entry."""
    return await stub.Append(pb.AppendRequest(entry=entry(key, **changes)))


def instant(at: datetime) -> Timestamp:
    """Return a time as the wire has it."""
    timestamp = Timestamp()
    timestamp.FromDatetime(at)
    return timestamp


def at(index: int, origin: str = "") -> pb.LogIndex:
    """Return a place."""
    return pb.LogIndex(origin=origin, index=index)


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
async def test_same_key_other_content(stub: Stub, changes: dict[str, Any]) -> None:
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


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no key": ({"key": ""}, "FIELD_REQUIRED", "idempotency_key"),
    "long key": ({"key": "k" * 201}, "FIELD_TOO_LONG", "idempotency_key"),
    "key with a space": ({"key": "a b"}, "FIELD_MALFORMED", "idempotency_key"),
    "no kind": ({"kind": pb.RECORD_KIND_UNSPECIFIED}, "ENUM_UNKNOWN", "kind"),
    "unknown kind": ({"kind": 99}, "ENUM_UNKNOWN", "kind"),
    "no content type": ({"content_type": ""}, "FIELD_REQUIRED", "content_type"),
    "long decision": ({"decision_id": "d" * 129}, "FIELD_TOO_LONG", "decision_id"),
    "long subject": ({"subject_id": "s" * 129}, "FIELD_TOO_LONG", "subject_id"),
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

    assert (raised.value.kind, raised.value.reason) == (Kind.INVALID, reason)
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
    assert len(written) == len(listed)


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


async def test_lists(stub: Stub) -> None:
    """Records are listed in log order, by decision, kind and time, page by page, without payloads."""
    for n in range(7):
        kind = pb.RECORD_KIND_ATTEMPT if n % 2 else pb.RECORD_KIND_DECISION
        await append(stub, f"k{n}", kind=kind, decision_id=f"d{n // 2}")

    async def indexes(**request: Any) -> list[int]:
        reply = await stub.ListRecords(pb.ListRecordsRequest(**request))
        assert not any(record.payload for record in reply.records)
        return [record.position.index for record in reply.records]

    recorded = (await stub.ListRecords(pb.ListRecordsRequest())).records[3].recorded_at
    first = await stub.ListRecords(pb.ListRecordsRequest(page_size=4))
    assert await indexes() == list(range(7))
    assert await indexes(decision_id="d1") == [2, 3]
    assert await indexes(kind=pb.RECORD_KIND_ATTEMPT) == [1, 3, 5]
    assert await indexes(since=recorded) == [3, 4, 5, 6]
    assert await indexes(until=recorded) == [0, 1, 2]
    assert await indexes(origin="evidence/local/acme/1999h1") == []
    assert await indexes(page_size=4, page_token=first.next_page_token) == [4, 5, 6]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"page_size": 1001}, "FIELD_OUT_OF_RANGE"),
        ({"page_size": -1}, "FIELD_OUT_OF_RANGE"),
        ({"page_token": "?"}, "FIELD_MALFORMED"),
        ({"kind": 99}, "ENUM_UNKNOWN"),
        ({"since": Timestamp(seconds=1 << 60)}, "FIELD_MALFORMED"),
    ],
)
async def test_refused_lists(stub: Stub, request_: dict[str, Any], reason: str) -> None:
    """A page that cannot be is refused."""
    with pytest.raises(MeshError, match=reason):
        await stub.ListRecords(pb.ListRecordsRequest(**request_))


@pytest.mark.spec("REC-07")
async def test_every_record_is_proven(stub: Stub, keys: Path) -> None:
    """Each record's proof verifies offline with the published key, in a log that spans several tiles."""
    requests = [pb.AppendStreamRequest(entry=entry(f"k{n}", decision_id=f"d{n}")) for n in range(600)]
    async for answer in stub.AppendStream(iter(requests)):
        assert not answer.reason
    vkey = (keys / VERIFIER_KEY).read_text()

    for index in (0, 1, 255, 256, 511, 512, 599):
        reply = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(index)))
        result = verify(bundle_of(reply), vkey)
        assert (result.fault, result.index, result.tree_size) == (None, index, 600)


async def test_proof_by_decision_and_by_the_log_s_own_key(stub: Stub, keys: Path) -> None:
    """A decision is proven by its id, and the key that GetCheckpoint names verifies it too."""
    await append(stub)
    checkpoint = await stub.GetCheckpoint(pb.GetCheckpointRequest())

    reply = await stub.GetInclusionProof(pb.GetInclusionProofRequest(decision_id="decision-1"))

    assert verify(bundle_of(reply), checkpoint.verifier_key).verified
    assert verify(bundle_of(reply), (keys / VERIFIER_KEY).read_text()).verified
    assert (checkpoint.tree_size, checkpoint.origin) == (1, reply.position.origin)
    assert reply.checkpoint == checkpoint.checkpoint


async def test_consistency(stub: Stub) -> None:
    """The log of three records is shown to be the beginning of the log of five."""
    for n in range(5):
        await append(stub, f"k{n}")

    reply = await stub.GetConsistencyProof(pb.GetConsistencyProofRequest(from_size=3))
    checkpoint = await stub.GetCheckpoint(pb.GetCheckpointRequest())

    assert (reply.from_size, reply.to_size) == (3, 5)
    assert reply.to_root == checkpoint.root
    assert reply.checkpoint == checkpoint.checkpoint
    # RFC 6962 section 2.1.3: from 3 to 5 leaves by the third leaf, the fourth, the first two, the fifth.
    third, fourth, first_two, fifth = reply.hashes
    pair = _node(third, fourth)
    assert reply.from_root == _node(first_two, third)
    assert reply.to_root == _node(_node(first_two, pair), fifth)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


async def answer(reply: Awaitable[object] | AsyncIterable[object]) -> None:
    """Wait for a reply, or for the first of a stream."""
    if isinstance(reply, AsyncIterable):
        await anext(aiter(reply))
    else:
        await reply


NOT_THERE: dict[str, tuple[str, Any, Kind, str]] = {
    "record by decision": ("GetRecord", pb.GetRecordRequest(decision_id="none"), Kind.NOT_FOUND, "RECORD_NOT_FOUND"),
    "record by index": ("GetRecord", pb.GetRecordRequest(at=at(9)), Kind.NOT_FOUND, "RECORD_NOT_FOUND"),
    "record by log": ("GetRecord", pb.GetRecordRequest(at=at(0, "x")), Kind.NOT_FOUND, "RECORD_NOT_FOUND"),
    "record without key": ("GetRecord", pb.GetRecordRequest(), Kind.INVALID, "FIELD_REQUIRED"),
    "proof by decision": (
        "GetInclusionProof",
        pb.GetInclusionProofRequest(decision_id="none"),
        Kind.NOT_FOUND,
        "RECORD_NOT_FOUND",
    ),
    "proof by log": ("GetInclusionProof", pb.GetInclusionProofRequest(at=at(0, "x")), Kind.NOT_FOUND, "LOG_NOT_FOUND"),
    "proof by index": (
        "GetInclusionProof",
        pb.GetInclusionProofRequest(at=at(9)),
        Kind.OUT_OF_RANGE,
        "INDEX_OUT_OF_RANGE",
    ),
    "proof without key": ("GetInclusionProof", pb.GetInclusionProofRequest(), Kind.INVALID, "FIELD_REQUIRED"),
    "consistency of no log": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(origin="x", from_size=1),
        Kind.NOT_FOUND,
        "LOG_NOT_FOUND",
    ),
    "consistency from nothing": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(from_size=0),
        Kind.INVALID,
        "FIELD_OUT_OF_RANGE",
    ),
    "consistency backwards": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(from_size=1, to_size=-1),
        Kind.INVALID,
        "FIELD_OUT_OF_RANGE",
    ),
    "consistency beyond": (
        "GetConsistencyProof",
        pb.GetConsistencyProofRequest(from_size=1, to_size=9),
        Kind.OUT_OF_RANGE,
        "INDEX_OUT_OF_RANGE",
    ),
    "checkpoint of no log": ("GetCheckpoint", pb.GetCheckpointRequest(origin="x"), Kind.NOT_FOUND, "LOG_NOT_FOUND"),
    "export": ("Export", pb.ExportRequest(), Kind.UNIMPLEMENTED, "NOT_YET_IMPLEMENTED"),
    "erasure": ("EraseSubject", pb.EraseSubjectRequest(), Kind.UNIMPLEMENTED, "NOT_YET_IMPLEMENTED"),
}


@pytest.mark.parametrize("case", NOT_THERE)
async def test_what_is_not_there(stub: Stub, case: str) -> None:
    """Each read of something that does not exist has its reason."""
    method, request, kind, reason = NOT_THERE[case]
    await append(stub)

    with pytest.raises(MeshError) as raised:
        await answer(getattr(stub, method)(request))

    assert (raised.value.kind, raised.value.reason) == (kind, reason)


async def test_tenants_do_not_see_each_other(database: Database, keys: Path) -> None:
    """Another tenant's record, log and proof do not exist, even by their exact names; its keys are its own."""
    async with recording(database, keys) as recorder, calling(recorder) as acme, calling(recorder, OTHER) as other:
        origin = (await append(acme)).position.origin
        calls: list[Awaitable[object]] = [
            other.GetRecord(pb.GetRecordRequest(decision_id="decision-1")),
            other.GetRecord(pb.GetRecordRequest(at=at(0, origin))),
            other.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0, origin))),
            other.GetConsistencyProof(pb.GetConsistencyProofRequest(origin=origin, from_size=1)),
            other.GetCheckpoint(pb.GetCheckpointRequest(origin=origin)),
        ]
        for call in calls:
            with pytest.raises(MeshError) as raised:
                await call
            assert raised.value.kind is Kind.NOT_FOUND
        assert not (await other.ListRecords(pb.ListRecordsRequest(origin=origin))).records
        theirs = (await append(other, payload=b"theirs")).position

    assert (theirs.index, theirs.origin) == (0, origin.replace("/acme/", "/other/"))


TAMPERING: dict[str, tuple[str, Fault]] = {
    "envelope": ("update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 1", Fault.LEAF),
    "leaf": ("update recorder.ev set leaf = set_byte(leaf, 0, get_byte(leaf, 0) # 1) where seq = 0", Fault.ROOT),
}


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("case", TAMPERING)
async def test_tampering_is_named(acme: Stub, database: Database, keys: Path, case: str) -> None:
    """One byte changed behind the recorder's back, by a superuser around every fence, is named by the verifier."""
    statement, fault = TAMPERING[case]
    for n in range(3):
        await append(acme, f"k{n}")
    await acme.GetCheckpoint(pb.GetCheckpointRequest())
    tamper(database, statement)

    reply = await acme.GetInclusionProof(pb.GetInclusionProofRequest(at=at(1)))

    assert verify(bundle_of(reply), (keys / VERIFIER_KEY).read_text()).fault is fault


@pytest.mark.spec("REC-07")
async def test_tampered_checkpoint_is_named(database: Database, keys: Path) -> None:
    """A stored note that was changed after it was signed verifies no more."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub)
        await stub.GetCheckpoint(pb.GetCheckpointRequest())
    tamper(database, "update recorder.checkpoint set note = replace(note, E'\\n1\\n', E'\\n2\\n')")
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        reply = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))

    assert verify(bundle_of(reply), (keys / VERIFIER_KEY).read_text()).fault is Fault.SIGNATURE


async def test_damaged_head_stops_its_tenant_alone(database: Database, keys: Path) -> None:
    """A head that contradicts itself is built upon no more; other tenants do not notice."""
    async with recording(database, keys) as recorder, calling(recorder) as acme, calling(recorder, OTHER) as other:
        await append(acme)
        tamper(database, "update recorder.head set frontier = ''")

        with pytest.raises(MeshError) as raised:
            await append(acme, "key-2")
        await append(other)
        await recorder.publisher.publish_all()

        assert raised.value.kind is Kind.INTERNAL
        assert (await other.GetCheckpoint(pb.GetCheckpointRequest())).tree_size == 1


def tamper(database: Database, statement: str) -> None:
    """Alter evidence as a superuser can who goes around the fences."""
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(statement.encode())


@pytest.mark.spec("T10", "REC-07")
@pytest.mark.parametrize(
    "statement",
    [
        "update recorder.ev set envelope = set_byte(envelope, 9, 1) where seq = 1",
        "delete from recorder.ev where seq = 1",
        "update recorder.ev set seq = 9 - seq where seq in (1, 2)",
        "delete from recorder.ev where seq = 2; update recorder.head set size = 2, frontier = substr(frontier, 1, 32)",
        "update recorder.checkpoint set root = sha256('')",
        "update recorder.head set frontier = sha256('') || sha256('')",
    ],
)
async def test_altered_log_is_signed_no_more(database: Database, keys: Path, statement: str) -> None:
    """After a restart the log is derived anew and compared with what was signed; if it differs nothing is signed."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        for n in range(3):
            await append(stub, f"k{n}")
        await stub.GetCheckpoint(pb.GetCheckpointRequest())
    tamper(database, statement)
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        with pytest.raises(MeshError) as raised:
            await stub.GetCheckpoint(pb.GetCheckpointRequest())

    assert raised.value.kind is Kind.INTERNAL


@pytest.mark.spec("T10")
async def test_restart_keeps_old_proofs(database: Database, keys: Path) -> None:
    """A checkpoint from before a restart verifies, and is consistent with one from after it."""
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        await append(stub, "k0")
        before = await stub.GetCheckpoint(pb.GetCheckpointRequest())
        proof = await stub.GetInclusionProof(pb.GetInclusionProofRequest(at=at(0)))
    async with recording(database, keys) as recorder, calling(recorder) as stub:
        assert (await stub.GetCheckpoint(pb.GetCheckpointRequest())).checkpoint == before.checkpoint
        await append(stub, "k1")
        reply = await stub.GetConsistencyProof(pb.GetConsistencyProofRequest(from_size=1))

    assert reply.from_root == before.root
    assert verify(bundle_of(proof), (keys / VERIFIER_KEY).read_text()).verified


@pytest.mark.spec("REC-02")
async def test_two_recorders_do_not_fork(database: Database, keys: Path) -> None:
    """Two recorders that write to one log at the same time take turns: no index twice, no gap, one tree."""
    async with (
        recording(database, keys) as one,
        recording(database, keys) as two,
        calling(one) as first,
        calling(two) as second,
    ):
        calls = [append((first, second)[n % 2], f"k{n // 2}", decision_id=f"d{n // 2}") for n in range(400)]
        answers = await asyncio.gather(*calls)
        checkpoints = [await stub.GetCheckpoint(pb.GetCheckpointRequest()) for stub in (first, second)]

    assert [a.position for a in answers[::2]] == [a.position for a in answers[1::2]]
    assert sorted(a.position.index for a in answers[::2]) == list(range(200))
    assert checkpoints[0] == checkpoints[1]
    assert checkpoints[0].tree_size == 200
