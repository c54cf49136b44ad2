"""How a log grows: what a record costs at 10,000 to 5,000,000 of them, and what its proof costs.

    python -m tools.bench growth                 10,000, 100,000 and 1,000,000 records
    python -m tools.bench.growth 5000000         up to as many as are named

Records of 1 KiB would measure the disk; these are small, so that what is measured is the log. It is filled through the
recorder's own writer; appends and proofs come in through its API.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.clock import SystemClock
from services.chassis.postgres import PostgresSettings, open_pool
from services.recorder.adapters.writer import PostgresWriter
from services.recorder.core import audit
from services.recorder.core.batch import Entry
from services.recorder.core.custody import WrappedKey
from services.recorder.core.envelope import Draft, Stamp, write
from services.recorder.core.log import origin
from services.recorder.core.merkle import Frontier, hash_leaf
from tools.bench.database import scratch_database
from tools.bench.recorder_process import running_recorder
from tools.bench.table import Row, table

SIZES = (10_000, 100_000, 1_000_000)
LARGEST = 5_000_000
TENANT = "growth"
FILL = 1000
"""Records in a transaction of the filling."""
APPENDED, MESSAGE = 10_000, 200
PROVEN, BATCH, CALLERS = 20_000, 1000, 2
"""Proofs that are made, in each call, and calls at once."""
ALONE = 500
COLUMNS = ("append/s", "proof/s", "proof bytes", "one ms", "bytes/record", "of index", "of tree")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a log of one size costs."""

    appends: float
    proofs: float
    proof_bytes: float
    alone_ms: float
    record_bytes: float
    index_bytes: float
    tree_bytes: float

    def row(self) -> Row:
        """Return the figures in the order of ``COLUMNS``."""
        return (
            self.appends,
            self.proofs,
            self.proof_bytes,
            self.alone_ms,
            self.record_bytes,
            self.index_bytes,
            self.tree_bytes,
        )


def main(sizes: Iterable[int] = SIZES) -> None:
    """Measure, print."""
    _rederive(SIZES[-1])
    with tempfile.TemporaryDirectory(prefix="growth-") as scratch:
        os.chmod(scratch, 0o755)  # noqa: PTH101, S103 - PostgreSQL's own account must get in
        asyncio.run(_run(Path(scratch), sizes))


def _rederive(count: int) -> None:
    """Print how long it takes to hash every record and the tree over them, in one process."""
    records = [(entry.leaf, entry.envelope) for entry in _entries(0, 1000)]
    stored = [(index, *records[index % 1000]) for index in range(count)]
    began = time.perf_counter()
    tree = Frontier()
    for start in range(0, count, 2000):
        tree = audit.rederive(tree, stored[start : start + 2000], min(count, start + 2000))
    took_s = time.perf_counter() - began
    size = sum(len(envelope) for _, envelope in records) / len(records)
    print(f"{count:,} records of {size:.0f} bytes derived anew in {took_s:.2f} s; they may take 2 s")


async def _run(root: Path, sizes: Iterable[int]) -> None:
    async with scratch_database(root / "state", "recorder") as postgres, open_pool(postgres) as pool:
        async with running_recorder(root / "run", postgres, TENANT) as channel:
            stub, rows, grown = RecorderServiceStub(channel), dict[str, Row](), 0
            for size in sizes:
                await _fill(pool, grown, size)
                rows[f"{size:,} records"] = (await _measured(stub, pool, size)).row()
                grown = size + APPENDED
    print(table(COLUMNS, rows))
    print(f"proofs of records all over the log, {BATCH} in a call and {CALLERS} calls at once; one: a call for a single record")


async def _measured(stub: RecorderServiceStub, pool: asyncpg.Pool, size: int) -> Measured:
    await stub.GetCheckpoint(pb.GetCheckpointRequest(), timeout=600)  # type: ignore[misc]  # an asynchronous channel
    for _ in range(2):  # the first round finds the tiles, the second has them at hand
        proofs, proof_bytes = await _prove(stub, size)
    alone = await _prove_alone(stub, size)
    table_bytes, index_bytes, tree_bytes = await _bytes(pool)
    return Measured(
        appends=await _append(stub, size),
        proofs=proofs,
        proof_bytes=proof_bytes,
        alone_ms=alone,
        record_bytes=table_bytes / size,
        index_bytes=index_bytes / size,
        tree_bytes=tree_bytes / size,
    )
