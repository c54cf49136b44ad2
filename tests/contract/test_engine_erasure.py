"""ErasureService on the engine's own database: an erasure reaches every owner, whoever fails how often on the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from magistrate.engine.v1 import engine_pb2 as pb
from magistrate.engine.v1.engine_pb2_grpc import ErasureServiceStub, add_ErasureServiceServicer_to_server
from magistrate.recorder.v1.recorder_pb2 import RECORD_KIND_DECISION, Entry
from services.chassis import call
from services.chassis.call import Principal
from services.chassis.config import SecretFile
from services.chassis.errors import Kind, MeshError, WorldError, unavailable
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.spool import Item, Spool
from services.chassis.testing import TESTER, Registration, serving
from services.engine.adapters.erasures import PostgresErasures
from services.engine.adapters.owners import NoSpool, SpooledEntries
from services.engine.adapters.store import PostgresDecisions
from services.engine.core.decision import Evidence, Verdict
from services.engine.core.erasure import OWNERS, Erasure, erasure_id
from services.engine.core.question import Domain, Question, TaskType
from services.engine.eraser import Eraser
from services.engine.ports import Kept, Page, Spooled
from services.engine.servicer import ErasureServicer
from tests.contract.promises import reasons
from tests.fakes.postgres import Database, PostgresServer, fresh_database, migrate

if TYPE_CHECKING:
    from magistrate.engine.v1.engine_pb2_grpc import ErasureServiceAsyncStub

BASIS = "GDPR Art. 17(1)(b)"
PERSON = "person-1"
PLACE = Evidence(origin="evidence/test/acme/2026h2", index=7, leaf_hash=bytes(32))
AWAY = unavailable("DEPENDENCY_UNAVAILABLE", "away")
INSERT = sql.SQL(
    "insert into engine.decision (tenant, decision_id, created_at, question_digest, verdict, domain, body)"
    " values ('acme', {id}, now(), '', 1, 1, {body})"
)
ENGINE_PAGE = Page(size=10, after=None, verdict=None, domain=None)


class SetClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the time of the database's machine, moved ahead."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """Return nothing that matters here."""
        return 0.0


@dataclass
class FakeOwners:
    """Recorder and evaluator; ``failures`` are raised one after the other, before anything is done."""

    failures: list[MeshError | None] = field(default_factory=list)
    keys: int = 2
    packets: int = 1
    repeats: list[str] = field(default_factory=list)
    reviewed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    confirmed: list[Erasure] = field(default_factory=list)

    def _fail(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure:
            raise failure

    async def destroy_keys(self, erasure: Erasure, repeat: str) -> tuple[int, Evidence | None]:
        """Note that it was asked; a repeated text is answered alike."""
        self._fail()
        assert erasure.subject_id
        self.repeats.append(repeat)
        return (0, None) if "/" in repeat else (self.keys, PLACE if self.keys else None)

    async def erase_reviews(self, erasure: Erasure) -> int:
        """Note that it was asked; a second time finds nothing."""
        self._fail()
        self.reviewed.append((erasure.subject_id, erasure.decision_ids))
        return self.packets if len(self.reviewed) == 1 else 0

    async def forget_answers(self, erasure: Erasure) -> int:
        """Note that it was asked; a second time finds nothing."""
        self._fail()
        self.forgotten.append(erasure.subject_id)
        return 1 if len(self.forgotten) == 1 else 0

    async def confirm(self, erasure: Erasure) -> None:
        """Keep what is put on record."""
        self._fail()
        self.confirmed.append(erasure)


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with the engine's schema."""
    with fresh_database(postgres, migrations_of=["engine"]) as fresh:
        yield fresh


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Yield the engine's own pool, its tables empty."""
    database.server.execute("truncate engine.decision, engine.erasure, engine.outbox", database.name)
    place = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.name,
        user="engine",
        password_file=SecretFile(database.password_file),
        schema="engine",
    )
    async with open_pool(place) as pool:
        yield pool


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Yield the engine's own pool."""
    async with opened(database) as pool:
        yield pool


@dataclass
class Room:
    """What a test holds in its hands."""

    stub: "ErasureServiceAsyncStub"
    owners: FakeOwners
    clock: SetClock
    eraser: Eraser
    store: PostgresDecisions
    pool: asyncpg.Pool

    async def keep(self, identity: str, subject: str = PERSON, requester: str = "clerk") -> None:
        """Keep a decision about a person that somebody asked for."""
        kept = Kept(decision_id=identity, created_at=self.clock.now(), question_digest=b"q", body=b"plaintext")
        asked = Question(query="?!", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS, subject_id=subject)
        await self.store.keep("acme", kept, Verdict.ALLOW, asked, None, requester=requester)

    async def erase(self, subject: str = PERSON, request_id: str = "call-1", basis: str = BASIS) -> pb.Erasure:
        """Ask for an erasure."""
        request = pb.EraseSubjectRequest(subject_id=subject, legal_basis=basis)
        reply = await self.stub.EraseSubject(request, metadata=(("x-request-id", request_id),))
        return reply.erasure

    async def told(self, request_id: str = "call-1") -> pb.Erasure:
        """Look at an erasure."""
        identity = erasure_id("acme", request_id)
        return (await self.stub.GetErasure(pb.GetErasureRequest(erasure_id=identity))).erasure

    async def work(self) -> None:
        """Let the background have one look at everything, whoever had taken it."""
        await self.pool.execute("update erasure set due_at = now()")
        await self.eraser.look()


@asynccontextmanager
async def room(pool: asyncpg.Pool, spool: Spooled | None = None) -> AsyncIterator[Room]:
    """Serve the erasure of people."""
    owners, clock = FakeOwners(), SetClock()
    eraser = Eraser(PostgresErasures(pool), owners, spool or NoSpool(), clock, grace_s=60, interval_s=0.01)
    service = "magistrate.engine.v1.ErasureService"
    registration = Registration(add_ErasureServiceServicer_to_server, ErasureServicer(eraser), service)
    async with serving([registration], principal=TESTER) as channel:
        yield Room(
            stub=ErasureServiceStub(channel),
            owners=owners,
            clock=clock,
            eraser=eraser,
            store=PostgresDecisions(pool),
            pool=pool,
        )


@pytest.mark.spec("E1", "REC-15")
async def test_every_owner_confirms_and_the_person_is_forgotten(pool: asyncpg.Pool) -> None:
    """The log, the engine, the reviews, the caches; complete after a second time, and nobody is named any more."""
    async with room(pool) as r:
        for number in range(2):
            await r.keep(f"d-{number}")
        await r.keep("d-other", "person-2")
        erasure = await r.erase()
        early = await r.told()
        await r.work()
        still = await r.told()
        r.clock.ahead = timedelta(seconds=90)
        await r.work()
        late = await r.told()
        rows = await pool.fetch("select decision_id, subject_id, body, question_digest from decision order by 1")
        left = await pool.fetch("select subject_id, decision_ids from erasure")

    counts = {"recorder": 2, "engine": 2, "evaluator": 1, "router": 1}
    for seen in (erasure, early, still, late):
        assert {owner.owner: owner.erased_count for owner in seen.owners if owner.confirmed} == counts
    assert [owner.owner for owner in erasure.owners] == list(OWNERS)
    assert (erasure.complete, still.complete, late.complete) == (False, False, True)
    assert (erasure.evidence.index, erasure.evidence.origin) == (PLACE.index, PLACE.origin)
    assert [tuple(row) for row in rows] == [
        ("d-0", "", b"", b""),
        ("d-1", "", b"", b""),
        ("d-other", "person-2", b"plaintext", b"q"),
    ]
    assert [tuple(row) for row in left] == [("", [])]
    assert r.owners.reviewed[0] == (PERSON, ("d-0", "d-1"))
    assert [repeat.partition("/")[0] for repeat in r.owners.repeats] == [erasure.erasure_id] * 2
    assert len(set(r.owners.repeats)) == 2
    assert len(r.owners.confirmed) == 1


async def test_what_was_under_way_is_swept(pool: asyncpg.Pool) -> None:
    """A decision that was being made meanwhile, and kept after its owner had confirmed, is blanked the second time."""
    async with room(pool) as r:
        await r.erase()
        await r.keep("d-late")
        r.clock.ahead = timedelta(seconds=90)
        await r.work()
        late = await r.told()
        body = await pool.fetchval("select body from decision")

    assert (late.complete, body) == (True, b"")
    assert {owner.owner: owner.erased_count for owner in late.owners}["engine"] == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(failures=st.lists(st.sampled_from([None, AWAY]), max_size=8))
def test_whoever_fails_how_often_it_completes(database: Database, failures: list[MeshError | None]) -> None:
    """After any failures of any owners everything is erased once and confirmed, without anybody asking again."""

    async def run() -> None:
        async with opened(database) as pool, room(pool) as r:
            await r.keep("d-0")
            r.owners.failures = list(failures)
            try:
                await r.erase()
            except WorldError:
                assert failures[0] is AWAY
            r.clock.ahead = timedelta(seconds=90)
            for _ in range(len(failures) + 3):
                await r.work()
            late = await r.told()
            assert late.complete
            assert {owner.owner: owner.erased_count for owner in late.owners} == {
                "recorder": 2,
                "engine": 1,
                "evaluator": 1,
                "router": 1,
            }
            assert await pool.fetchval("select count(*) from decision where body <> ''") == 0
            assert len(r.owners.confirmed) == 1

    asyncio.run(run())


@pytest.mark.spec("REC-09")
async def test_the_same_call_is_the_same_erasure(pool: asyncpg.Pool) -> None:
    """A repeat is answered alike, also when it is complete; the same id for somebody else is refused."""
    async with room(pool) as r:
        first = await r.erase()
        again = await r.erase()
        with pytest.raises(MeshError) as other:
            await r.erase("person-2")
        r.clock.ahead = timedelta(seconds=90)
        await r.work()
        last = await r.erase()

    assert (first.erasure_id, first.evidence) == (again.erasure_id, again.evidence)
    assert last.complete
    assert (other.value.kind, other.value.reason) == (Kind.EXISTS, "IDEMPOTENCY_CONFLICT")
    assert r.owners.repeats.count(first.erasure_id) == 1


async def test_an_erased_decision_is_said_to_be(pool: asyncpg.Pool) -> None:
    """Whoever asks for it learns that it was erased; lists have it no more."""
    async with room(pool) as r:
        await r.keep("d-0")
        await r.keep("d-1", "person-2")
        await r.erase()
        with pytest.raises(MeshError) as gone:
            await r.store.find("acme", "d-0")
        listed = await r.store.page("acme", ENGINE_PAGE)

    assert (gone.value.kind, gone.value.reason) == (Kind.PRECONDITION, "EVIDENCE_ERASED")
    assert {"EVIDENCE_ERASED"} <= reasons("engine")["GetDecision"] & reasons("engine")["Decide"]
    assert [kept.decision_id for kept in listed] == ["d-1"]


@pytest.mark.spec("E1", "REC-15")
async def test_who_asked_is_erased_with_what_they_asked(pool: asyncpg.Pool) -> None:
    """A decision goes with the person that it is about and with the one who asked, whichever is erased."""
    async with room(pool) as r:
        await r.keep("d-about", PERSON, "clerk")
        await r.keep("d-asked", "", PERSON)
        await r.keep("d-both", "person-2", PERSON)
        await r.keep("d-other", "person-2", "clerk")
        await r.keep("d-nobody", "", "")
        erasure = await r.erase()
        rows = await pool.fetch("select decision_id from decision where erased_at is null order by 1")
        named = await pool.fetchval("select count(*) from decision where $1 in (subject_id, requester_id)", PERSON)

    assert {owner.owner: owner.erased_count for owner in erasure.owners}["engine"] == 3
    assert [row["decision_id"] for row in rows] == ["d-nobody", "d-other"]
    assert named == 0
    assert sorted(r.owners.reviewed[0][1]) == ["d-about", "d-asked", "d-both"]


@pytest.mark.parametrize("subject", ["ada@example.com", "auth0|6123", "p" * 256])
async def test_whoever_can_come_in_can_be_erased(pool: asyncpg.Pool, subject: str) -> None:
    """The subject of a token is a person, whatever the identity provider makes it of."""
    async with room(pool) as r:
        await r.keep("d-0", "", subject)
        erasure = await r.erase(subject)

    assert {owner.owner: owner.erased_count for owner in erasure.owners}["engine"] == 1


@pytest.mark.parametrize(
    ("subject", "basis", "reason", "field"),
    [
        ("", BASIS, "FIELD_REQUIRED", "subject_id"),
        ("no id!", BASIS, "FIELD_MALFORMED", "subject_id"),
        ("p" * 257, BASIS, "FIELD_MALFORMED", "subject_id"),
        (PERSON, " ", "FIELD_REQUIRED", "legal_basis"),
        (PERSON, "x" * 201, "FIELD_TOO_LONG", "legal_basis"),
        (PERSON, "a\nb", "FIELD_MALFORMED", "legal_basis"),
    ],
)
async def test_what_cannot_be_erased_is_refused(
    pool: asyncpg.Pool, subject: str, basis: str, reason: str, field: str
) -> None:
    """Each field has its rules, and nothing is noted of a refused call."""
    async with room(pool) as r:
        with pytest.raises(MeshError) as refused:
            await r.erase(subject, basis=basis)
        noted = await pool.fetchval("select count(*) from erasure")

    assert (refused.value.reason, refused.value.metadata["field"], noted) == (reason, field, 0)
    assert reason in reasons("engine")["EraseSubject"]


async def test_an_unknown_erasure(pool: asyncpg.Pool) -> None:
    """An id that no erasure of the tenant has is not found."""
    async with room(pool) as r:
        with pytest.raises(MeshError) as refused:
            await r.stub.GetErasure(pb.GetErasureRequest(erasure_id="e-1"))
        with pytest.raises(MeshError) as malformed:
            await r.stub.GetErasure(pb.GetErasureRequest(erasure_id="?"))

    assert (refused.value.kind, refused.value.reason) == (Kind.NOT_FOUND, "ERASURE_NOT_FOUND")
    assert malformed.value.reason == "FIELD_MALFORMED"


@pytest.mark.spec("E1")
async def test_what_waits_on_the_disk_loses_its_content(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A spooled record, or one put aside, keeps its public facts and has no content; of others nothing changes."""
    got = list[Item]()

    async def deliver(items: Sequence[Item]) -> Sequence[MeshError | None]:
        got.extend(items)
        return [None] * len(items)

    call.enter(call.Call(principal=Principal(tenant="acme")))
    async with Spool(tmp_path / "spool", deliver, max_bytes=1 << 20) as spool:
        for tenant, subject, asker in (
            ("acme", PERSON, "clerk"),
            ("acme", "person-2", "clerk"),
            ("other", PERSON, "clerk"),
            ("acme", "", PERSON),
        ):
            entry = Entry(
                idempotency_key=f"{tenant}-{subject}",
                kind=RECORD_KIND_DECISION,
                subject_id=subject,
                requester_id=asker,
                payload=f"secret of {subject or asker}".encode(),
                content_type="text/plain",
                attributes={"verdict": "allow"},
            )
            await spool.put(Item(tenant=tenant, body=entry.SerializeToString()))
        async with room(pool, SpooledEntries(spool)) as r:
            erasure = await r.erase()
        on_disk = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
        assert await spool.drain()

    found = [Entry.FromString(item.body) for item in got]
    assert on_disk.count(b"secret of person-1") == 1, "only the other tenant's"
    assert [entry.payload for entry in found] == [b"", b"secret of person-2", b"secret of person-1", b""]
    for entry in (found[0], found[3]):
        assert entry.attributes == {
            "verdict": "allow",
            "erased": "before_it_was_recorded",
            "erasure_id": erasure.erasure_id,
        }
        assert entry.subject_id == entry.requester_id == ""
    assert {owner.owner: owner.erased_count for owner in erasure.owners}["engine"] == 2


def test_decisions_of_before_are_found_by_their_person(postgres: PostgresServer) -> None:
    """The migration reads in each decision whom it is about; going down keeps all but what was erased."""
    with fresh_database(postgres, migrations_of=["engine"]) as fresh:
        migrate(fresh.owner_dsn, "engine", revision="0002")
        for number in range(3):
            subject = PERSON if number == 1 else ""
            body = pb.Decision(question=pb.Question(subject_id=subject, query="?")).SerializeToString()
            fresh.server.execute(INSERT.format(id=sql.Literal(f"d-{number}"), body=sql.Literal(body)), fresh.name)
        migrate(fresh.owner_dsn, "engine")
        fresh.server.execute(
            "do $$ begin assert (select array_agg(decision_id) from engine.decision where subject_id = 'person-1')"
            " = array['d-1']; end $$",
            fresh.name,
        )
        fresh.server.execute(
            "update engine.decision set erased_at = now(), body = '' where decision_id = 'd-1'", fresh.name
        )
        migrate(fresh.owner_dsn, "engine", revision="0002")
        fresh.server.execute("do $$ begin assert (select count(*) from engine.decision) = 2; end $$", fresh.name)
        migrate(fresh.owner_dsn, "engine")
