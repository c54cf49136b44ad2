"""Two stores of evidence, and records that are ready to be written into either."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from services.chassis.rows import rows_of
from services.recorder.adapters.keyring import PostgresKeyring
from services.recorder.adapters.keys import AesSeal
from services.recorder.adapters.pool import open_evidence
from services.recorder.adapters.reader import PostgresReader
from services.recorder.adapters.writer import PostgresWriter
from services.recorder.core.batch import Entry
from services.recorder.core.custody import WrappedKey
from services.recorder.core.envelope import Draft, Stamp, write
from services.recorder.core.merkle import hash_leaf
from services.recorder.ports import EvidenceReader, EvidenceWriter
from tests.contract.recorder.client import login
from tests.fakes.memory_evidence import MemoryEvidence
from tests.fakes.postgres import Database

TENANT = "acme"
ORIGIN = "evidence/local/acme/2026h2"
BODY_KEY = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U="
START = datetime(2026, 7, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Both sides of one store."""

    writer: EvidenceWriter
    reader: EvidenceReader


Opened = Callable[[Database], AbstractAsyncContextManager[Store]]


@asynccontextmanager
async def in_memory(_: Database) -> AsyncIterator[Store]:
    """Open a store that ends with the process."""
    evidence = MemoryEvidence()
    yield Store(writer=evidence, reader=evidence)


@asynccontextmanager
async def in_postgres(database: Database) -> AsyncIterator[Store]:
    """Open the store that is shared."""
    async with open_evidence(login(database, "recorder")) as pool:
        with rows_of(TENANT):
            # Every record's key is wrapped by a key of its tenant, which is there before the first record is.
            await PostgresKeyring(pool, AesSeal(BODY_KEY), random_bytes=secrets.token_bytes).draw(TENANT, ())
            yield Store(writer=PostgresWriter(pool, timeout_s=5), reader=PostgresReader(pool))


def entry(
    number: int,
    *,
    origin: str = ORIGIN,
    facts: Mapping[str, str] = MappingProxyType({}),
    minute: int | None = None,
    **changes: str,
) -> Entry:
    """Return a record that is ready to be written, made some minutes after ``START``: as many as its number."""
    recorded_at, sealed = START + timedelta(minutes=number if minute is None else minute), f"sealed {number}".encode()
    draft = Draft(
        tenant=TENANT,
        idempotency_key=f"key-{number}",
        kind=changes.get("kind", "DECISION"),
        decision_id=changes.get("decision_id", f"decision-{number}"),
        subject_id="",
        payload=b"",
        content_type="text/plain",
        attributes={"number": str(number), **facts},
    )
    stamp = Stamp(recorded_at=recorded_at, salt=bytes(32), body_digest=hashlib.sha256(sealed).digest())
    envelope = write(draft, stamp)
    return Entry(
        tenant=TENANT,
        origin=origin,
        key=draft.idempotency_key,
        leaf=hash_leaf(envelope),
        envelope=envelope,
        sealed=sealed,
        data_key=WrappedKey(id=number.to_bytes(16, "big"), tenant_key=1, wrapped=b"wrapped"),
        kind=draft.kind,
        decision_id=draft.decision_id,
        content_type=draft.content_type,
        intent="",
        occurred_at=recorded_at,
        recorded_at=recorded_at,
    )
