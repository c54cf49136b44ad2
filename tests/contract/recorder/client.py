"""A recorder in this process, and a client that speaks to it through the full chain."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

import psycopg
from google.protobuf.timestamp_pb2 import Timestamp

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub, add_RecorderServiceServicer_to_server
from services.chassis.call import Principal
from services.chassis.clock import Clock, SystemClock
from services.chassis.config import SecretFile
from services.chassis.postgres import PostgresSettings, open_pool
from services.chassis.testing import Registration, serving
from services.recorder.adapters.keys import AesSeal, KeyFiles, holds
from services.recorder.adapters.memory import open_memory
from services.recorder.adapters.pool import open_evidence
from services.recorder.adapters.seat import PostgresLedger
from services.recorder.adapters.witnesses import open_witnesses
from services.recorder.assembly import Recorder, assemble
from services.recorder.config import Config
from services.recorder.core.policy import Policy
from services.recorder.main import SERVICE
from services.recorder.publisher.auditor import Auditor
from services.recorder.publisher.meta import MetaLog
from services.recorder.publisher.publisher import Publisher
from services.recorder.publisher.witnesses import Witnesses
from tests.fakes.postgres import Database
from tools.verify.keys import BODY_KEY, SIGNING_KEY, VERIFIER_KEY, WITNESS_KEY

if TYPE_CHECKING:
    from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceAsyncStub

Stub: TypeAlias = "RecorderServiceAsyncStub"
ACME = Principal(tenant="acme", subject="tester", roles=("admin",))
OTHER = Principal(tenant="other", subject="tester", roles=("admin",))
PAYLOAD = b'{"answer":"Ada Lovelace has 25 days of leave"}'


def configure(keys: Path, **settings: Any) -> Config:
    """Return the recorder's configuration with keys from a folder."""
    files = {"verifier_key_file": SecretFile(keys / VERIFIER_KEY), "body_key_file": SecretFile(keys / BODY_KEY)}
    return Config(**(files | settings))


def key_files(keys: Path) -> KeyFiles:
    """Return the signing keys of a folder and those that verify; a witness's key there cosigns too."""
    cosigning = SecretFile(keys / WITNESS_KEY) if (keys / WITNESS_KEY).exists() else None
    return KeyFiles(SecretFile(keys / SIGNING_KEY), SecretFile(keys / VERIFIER_KEY), cosigning)


def login(database: Database, role: str) -> PostgresSettings:
    """Return how a role enters the recorder's schema."""
    return PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.name,
        user=role,
        password_file=SecretFile(database.password_file),
        schema="recorder",
        connect_timeout_s=30,
    )


@asynccontextmanager
async def recording(
    database: Database, keys: Path, *, clock: Clock | None = None, policy: Policy | None = None, **settings: Any
) -> AsyncIterator[Recorder]:
    """Yield a recorder whose committer runs, beside a publisher that signs only on demand."""
    config = configure(keys, witnessed=policy is not None, **settings)
    seal = AesSeal(config.body_key_file.read())
    async with (
        open_evidence(login(database, "recorder")) as pool,
        publishing(database, keys, clock=clock, policy=policy),
    ):
        recorder = assemble(config, pool, seal=seal, clock=clock or SystemClock())
        async with running(recorder.committer.run()):
            yield recorder


@asynccontextmanager
async def publishing(
    database: Database, keys: Path, *, clock: Clock | None = None, policy: Policy | None = None
) -> AsyncIterator[Publisher]:
    """Yield a publisher that runs, with its own role; it signs when it starts and when it is asked."""
    async with signing(database, keys, clock=clock, policy=policy) as (publisher, _), running(publisher.run()):
        yield publisher


async def audit(database: Database, keys: Path) -> None:
    """Walk through every log once."""
    async with signing(database, keys) as (publisher, ledger), ledger.logs() as logs:
        await Auditor(ledger, publisher, key_files(keys), records_per_s=1_000_000, pause_s=0).walk(logs)


@asynccontextmanager
async def signing(
    database: Database, keys: Path, *, clock: Clock | None = None, policy: Policy | None = None
) -> AsyncIterator[tuple[Publisher, PostgresLedger]]:
    """Yield a publisher that does nothing yet. Without witnesses it leaves the meta-log alone."""
    files, time, rule = key_files(keys), clock or SystemClock(), policy or Policy()
    async with (
        open_pool(login(database, "publisher")) as pool,
        open_memory(keys / "signed.sqlite") as memory,
        open_witnesses(rule, timeout_s=2) as clients,
    ):
        ledger = PostgresLedger(pool)
        meta = MetaLog(files.name, files, time, Witnesses(rule, clients, holds), interval_s=3600)
        yield Publisher(ledger, memory, files, time, meta, interval_s=60), ledger


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let something run in the background."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def calling(recorder: Recorder, principal: Principal = ACME, *, timeout_s: float = 10) -> AsyncIterator[Stub]:
    """Serve a recorder in this process."""
    registration = Registration(add_RecorderServiceServicer_to_server, recorder.servicer, SERVICE)
    async with serving([registration], principal=principal, timeout_s=timeout_s) as channel:
        yield RecorderServiceStub(channel)


class Fields(TypedDict, total=False):
    """Fields of an entry that a test may set, but for its key."""

    kind: "pb.RecordKind.ValueType"
    decision_id: str
    subject_id: str
    payload: bytes
    content_type: str
    attributes: Mapping[str, str]
    occurred_at: Timestamp | None
    intent_key: str
    requester_id: str


class Changes(Fields, total=False):
    """All of them."""

    key: str


def entry(key: str = "key-1", **changes: Unpack[Fields]) -> pb.Entry:
    """Return a good entry, but for ``changes``."""
    good: Fields = {
        "kind": pb.RECORD_KIND_DECISION,
        "decision_id": "decision-1",
        "subject_id": "person-1",
        "payload": PAYLOAD,
        "content_type": "application/json",
        "attributes": {"policy": "1"},
        **changes,
    }
    return pb.Entry(idempotency_key=key, **good)


async def append(stub: Stub, key: str = "key-1", **changes: Unpack[Fields]) -> pb.AppendResponse:
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


def tamper(database: Database, statement: str) -> None:
    """Alter evidence as a superuser can who goes around the fences."""
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(statement.encode())
