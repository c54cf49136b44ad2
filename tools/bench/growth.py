"""How a log grows: what a record costs at 10,000 to 5,000,000 of them, and what its proof costs.

    python -m tools.bench growth                 10,000, 100,000 and 1,000,000 records
    python -m tools.bench.growth 5000000         up to as many as are named

Records of 1 KiB would measure the disk; these are small, so that what is measured is the log. It is filled through the
recorder's own writer; appends, proofs and exports come in through its API.
"""

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.client import MeshChannel
from services.chassis.clock import SystemClock
from services.chassis.errors import WorldError
from services.chassis.rows import rows_of
from services.recorder.adapters.entropy import Entropy
from services.recorder.adapters.keyring import PostgresKeyring
from services.recorder.adapters.keys import AesSeal
from services.recorder.adapters.pool import open_evidence
from services.recorder.adapters.writer import PostgresWriter
from services.recorder.core import audit
from services.recorder.core.envelope import Draft, Stamp, write
from services.recorder.core.merkle import HASH_BYTES, Frontier, hash_leaf
from services.recorder.writing.entries import EntryMaker
from tools.archive import write as write_archive
from tools.bench.database import scratch_database
from tools.bench.recorder_process import running_recorder
from tools.bench.table import Row, table
from tools.verify.archive import verify_archive
from tools.verify.keys import BODY_KEY

if TYPE_CHECKING:
    from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceAsyncStub

SIZES = (10_000, 100_000, 1_000_000)
LARGEST = 5_000_000
TENANT = "growth"
FILL = 1000
"""Records in a transaction of the filling."""
APPENDED, MESSAGE, UNDERWAY = 10_000, 200, 5
"""Records that are appended, in each message, and messages at once."""
PROVEN, BATCH, CALLERS = 20_000, 1000, 2
"""Proofs that are made, in each call, and calls at once."""
ALONE = 500
EXPORTED = 50_000
CONTENT = b"a few words"
PERSON = "somebody"
SIGNED_S = 600.0
"""How long the publisher may take to sign what was filled in."""
BYTES = """
select sum(pg_table_size(part)) filter (where name <> 'node') as records,
  sum(pg_indexes_size(part)) filter (where name <> 'node') as indexes,
  sum(pg_total_relation_size(part)) filter (where name = 'node') as nodes
from (select format('%I.%I', schemaname, tablename)::regclass as part, tablename as name from pg_tables
      where schemaname = 'recorder' and (tablename ~ '^ev_[0-9]+$' or tablename = 'node')) as parts"""
LOG = ("append/s", "log bytes", "index bytes", "tree bytes", "export/s", "verify/s")
PROOFS = ("proof/s", "first time", "proof bytes", "alone ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a log of one size costs."""

    appends: float
    proofs: float
    proofs_cold: float
    """Where no tile is at hand."""
    proof_bytes: float
    alone_ms: float
    log_bytes: float
    index_bytes: float
    tree_bytes: float
    exports: float
    checks: float
    """Records that are exported, and verified offline, in a second."""

    def of_log(self) -> Row:
        """Return the figures in the order of ``LOG``."""
        return self.appends, self.log_bytes, self.index_bytes, self.tree_bytes, self.exports, self.checks

    def of_proofs(self) -> Row:
        """Return the figures in the order of ``PROOFS``."""
        return self.proofs, self.proofs_cold, self.proof_bytes, self.alone_ms


def main(sizes: Iterable[int] = SIZES) -> None:
    """Measure, print."""
    _rederive(SIZES[-1])
    with tempfile.TemporaryDirectory(prefix="growth-") as scratch:
        os.chmod(scratch, 0o755)  # noqa: PTH101, S103 - PostgreSQL's own account must get in
        asyncio.run(_run(Path(scratch), sizes))


def _rederive(count: int) -> None:
    """Print how long it takes to hash every record and the tree over them, in one process."""
    stamp = Stamp(recorded_at=datetime.now(UTC), salt=bytes(32), body_digest=bytes(32))
    envelopes = [write(_draft(number), stamp) for number in range(1000)]
    stored = [(index, hash_leaf(envelopes[index % 1000]), envelopes[index % 1000]) for index in range(count)]
    began = time.perf_counter()
    tree = Frontier()
    for start in range(0, count, 2000):
        tree = audit.rederive(tree, stored[start : start + 2000], min(count, start + 2000))
    took_s = time.perf_counter() - began
    size = statistics.mean(map(len, envelopes))
    print(f"{count:,} records of {size:.0f} bytes derived anew in {took_s:.2f} s; they may take 2 s")


async def _run(root: Path, sizes: Iterable[int]) -> None:
    found, grown = dict[str, Measured](), 0
    async with (
        scratch_database(root / "state", "recorder") as postgres,
        open_evidence(postgres) as pool,
        running_recorder(root / "run", postgres, TENANT) as channel,
    ):
        seal = AesSeal((root / "keys" / BODY_KEY).read_text())
        try:
            for size in sizes:
                await _fill(pool, seal, grown, size)
                found[f"{size:,} records"] = await _measured(channel, pool, size)
                grown = size + APPENDED
        finally:
            if found:
                _show(found)


def _show(found: Mapping[str, Measured]) -> None:
    """Print what was measured, also where a larger log then failed: it may have taken an hour."""
    print("bytes are for each record, without its content; exported and verified without content")
    print(table(LOG, {name: measured.of_log() for name, measured in found.items()}))
    print(f"proofs of records all over the log, {BATCH} in a call, {CALLERS} calls at once; 10,000/s are wanted")
    print(table(PROOFS, {name: measured.of_proofs() for name, measured in found.items()}))
    print("first time: no tile is at hand; alone: one proof in a call, one call at a time")


async def _measured(channel: MeshChannel, pool: asyncpg.Pool, size: int) -> Measured:
    stub = RecorderServiceStub(channel)
    await _until_signed(stub)
    cold, _ = await _prove(stub, size)
    warm, proof_bytes = await _prove(stub, size)
    alone_ms = await _prove_alone(stub, size)
    log_bytes, index_bytes, tree_bytes = await _bytes(pool)
    exports, checks = await _export(channel, size)
    return Measured(
        appends=await _append(channel, size),
        proofs=warm,
        proofs_cold=cold,
        proof_bytes=proof_bytes,
        alone_ms=alone_ms,
        log_bytes=log_bytes / size,
        index_bytes=index_bytes / size,
        tree_bytes=tree_bytes / size,
        exports=exports,
        checks=checks,
    )


async def _until_signed(stub: "RecorderServiceAsyncStub") -> None:
    """Wait until the publisher has caught up with what was filled in."""
    async with asyncio.timeout(SIGNED_S):
        while True:
            try:
                await stub.GetCheckpoint(pb.GetCheckpointRequest())
            except WorldError as error:
                if error.reason != "EVIDENCE_UNAVAILABLE":
                    raise
                await asyncio.sleep(error.retry_after_s or 1.0)
            else:
                return


async def _prove(stub: "RecorderServiceAsyncStub", size: int) -> tuple[float, float]:
    """Have records all over the log proven; return how many a second and the bytes of a proof."""
    draw = random.Random(size)  # noqa: S311 - a sample, no secret
    batches = iter([[draw.randrange(size) for _ in range(BATCH)] for _ in range(PROVEN // BATCH)])
    hash_bytes = 0

    async def caller() -> None:
        nonlocal hash_bytes
        for indexes in batches:
            reply = await stub.BatchGetInclusionProofs(pb.BatchGetInclusionProofsRequest(indexes=indexes))
            hash_bytes += sum(len(proof.hashes) * HASH_BYTES for proof in reply.proofs)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return PROVEN / (time.perf_counter() - began), hash_bytes / PROVEN


async def _prove_alone(stub: "RecorderServiceAsyncStub", size: int) -> float:
    """Return the median milliseconds of a call that proves one record."""
    draw, times = random.Random(size), list[float]()  # noqa: S311 - a sample, no secret
    for _ in range(ALONE):
        request = pb.BatchGetInclusionProofsRequest(indexes=[draw.randrange(size)])
        began = time.perf_counter()
        await stub.BatchGetInclusionProofs(request)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


async def _append(channel: MeshChannel, size: int) -> float:
    """Append through the API; return how many a second."""
    free = asyncio.Semaphore(UNDERWAY)

    async def messages() -> AsyncIterator[pb.AppendStreamRequest]:
        for start in range(0, APPENDED, MESSAGE):
            await free.acquire()
            numbers = range(start, start + MESSAGE)
            yield pb.AppendStreamRequest(entries=[_entry(f"{size}-{number}") for number in numbers])

    began = time.perf_counter()
    async for answer in RecorderServiceStub(channel).AppendStream(messages(), timeout=SIGNED_S):
        if refused := [each.reason for each in answer.acknowledgements if each.reason]:
            raise RuntimeError(refused[0])
        free.release()
    return APPENDED / (time.perf_counter() - began)


async def _export(channel: MeshChannel, size: int) -> tuple[float, float]:
    """Export the newest records without content and verify the folder; return how many a second of each."""
    request = pb.ExportRequest(start_index=max(0, size - EXPORTED), end_index=size)
    began = time.perf_counter()
    pieces = [piece async for piece in RecorderServiceStub(channel).Export(request, timeout=SIGNED_S)]
    exported_s = time.perf_counter() - began
    keys = "\n".join(pieces[0].log.verifier_keys)
    with tempfile.TemporaryDirectory() as folder:
        written = write_archive(pieces, Path(folder) / "out")
        began = time.perf_counter()
        found = verify_archive(Path(folder) / "out", keys)
        checked_s = time.perf_counter() - began
    if not found.verified:
        raise RuntimeError(found.explanation)
    count = written.stop - written.start
    return count / exported_s, count / checked_s


def _entry(key: str) -> pb.Entry:
    return pb.Entry(
        idempotency_key=key,
        kind=pb.RECORD_KIND_ATTEMPT,
        decision_id=f"decision-{key}",
        payload=CONTENT,
        content_type="text/plain",
    )


async def _bytes(pool: asyncpg.Pool) -> tuple[int, int, int]:
    """Return the bytes of the log's records, of their indexes, and of the stored tree above the leaves."""
    (row,) = await pool.fetch(BYTES)
    return row["records"], row["indexes"], row["nodes"]


async def _fill(pool: asyncpg.Pool, seal: AesSeal, grown: int, size: int) -> None:
    """Let the log grow to ``size`` as the recorder writes it, all about one person, so that its key is drawn once."""
    entropy = Entropy()
    keyring = PostgresKeyring(pool, seal, random_bytes=entropy.draw)
    maker = EntryMaker(keyring, SystemClock(), random_bytes=entropy.draw, deployment="local")
    writer = PostgresWriter(pool, timeout_s=SIGNED_S)
    with rows_of(TENANT):
        key = await keyring.draw(TENANT, (PERSON,))
    for start in range(grown, size, FILL):
        drafts = map(_draft, range(start, min(start + FILL, size)))
        await writer.append(TENANT, [maker.make(draft, key) for draft in drafts])


def _draft(number: int) -> Draft:
    return Draft(
        tenant=TENANT,
        idempotency_key=f"filled-{number}",
        kind="ATTEMPT",
        decision_id=f"decision-{number // 8}",
        subject_id=PERSON,
        payload=CONTENT,
        content_type="text/plain",
        attributes={"provider": "local", "model": "smollm2"},
    )


if __name__ == "__main__":
    _largest = int(sys.argv[1]) if len(sys.argv) > 1 else LARGEST
    main([size for size in (*SIZES, LARGEST) if size <= _largest])
