"""Local copies of packs in SQLite, good for a day, for when the knowledge store is away (spec row CTX-08)."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from services.chassis.clock import Clock
from services.chassis.errors import unavailable
from services.chassis.log import get_logger
from services.context.core.pack_index import PackIndex
from services.context.core.values import Candidate, Chunk, Pack, Vector

RETENTION_S = 24 * 3600.0
"""How long a copy may stand in for the store (spec 3)."""
MAX_LOADED = 8
"""Packs held in memory while the store is away; each may take some 60 MB."""
_SCHEMA = """
    create table if not exists packs (
        tenant text, pack_id text, version integer, fetched_at real, pack text, primary key (tenant, pack_id)
    ) without rowid;
    create table if not exists chunks (tenant text, pack_id text, model text, chunk text, vector blob);
    create index if not exists chunks_by_pack on chunks (tenant, pack_id);
"""
_Result = TypeVar("_Result")
_log = get_logger("context.copy")


class LocalCopies:
    """Packs on this machine's disk, read whole into memory when they are needed."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, *, retention_s: float = RETENTION_S) -> None:
        self._connection = connection
        self._clock = clock
        self._retention = timedelta(seconds=retention_s)
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, str], tuple[int, PackIndex]] = {}

    async def save(self, tenant: str, pack: Pack, chunks: Sequence[tuple[Chunk, str, Vector]]) -> None:
        """Keep a pack, in place of any older version of it; a newer one that is there already stays."""
        await self._run(lambda: self._save(tenant, pack, chunks))

    async def confirm(self, tenant: str, pack: Pack) -> bool:
        """Return whether this very version is kept; if so it is good for its whole time again."""
        return await self._run(lambda: self._confirm(tenant, pack))

    async def close(self) -> None:
        """Wait for the work on the file, then close it."""
        await self._run(self._connection.close)

    async def find_pack(self, tenant: str, pack_id: str) -> Pack | None:
        """Return the pack as it was when it was copied, or nothing where no copy is good."""
        return await self._run(lambda: self._find(tenant, pack_id))

    async def search(
        self, tenant: str, pack_id: str | None, question: str, vector: Vector | None, *, model: str, limit: int
    ) -> tuple[Candidate, ...]:
        """Return the union of both searches' best in one kept pack, or in all of the tenant's."""
        ids = await self._run(lambda: self._kept_ids(tenant)) if pack_id is None else (pack_id,)
        found: list[Candidate] = []
        for one in ids:
            index = await self._run(partial(self._index, tenant, one))
            found += await asyncio.to_thread(index.search, question, vector, model=model, limit=limit)
        return tuple(found)

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        """Do blocking ``work`` on a thread, one at a time: the connection is shared."""

        def locked() -> _Result:
            with self._lock:
                return work()

        try:
            return await asyncio.to_thread(locked)
        except sqlite3.Error as error:
            _log.warning("copy_failed", error=type(error).__name__)
            raise unavailable("STORE_UNAVAILABLE", "the local copies cannot be read or written") from error

    def _save(self, tenant: str, pack: Pack, chunks: Sequence[tuple[Chunk, str, Vector]]) -> None:
        kept = self._find(tenant, pack.pack_id)
        if kept is not None and kept.version > pack.version:
            return
        now = self._clock.now().timestamp()
        written = json.dumps(asdict(pack) | {"updated_at": pack.updated_at.isoformat()})
        key = (tenant, pack.pack_id)
        with self._connection:
            self._forget_old()
            self._connection.execute("delete from chunks where tenant = ? and pack_id = ?", key)
            self._connection.execute(
                "insert or replace into packs values (?, ?, ?, ?, ?)", (*key, pack.version, now, written)
            )
            rows = ((*key, model, json.dumps(asdict(chunk)), vector.tobytes()) for chunk, model, vector in chunks)
            self._connection.executemany("insert into chunks values (?, ?, ?, ?, ?)", rows)
        self._loaded.pop(key, None)

    def _confirm(self, tenant: str, pack: Pack) -> bool:
        now = self._clock.now().timestamp()
        with self._connection:
            changed = self._connection.execute(
                "update packs set fetched_at = ? where tenant = ? and pack_id = ? and version = ? and fetched_at >= ?",
                (now, tenant, pack.pack_id, pack.version, now - self._retention.total_seconds()),
            )
        return changed.rowcount > 0

    def _forget_old(self) -> None:
        oldest = (self._clock.now() - self._retention).timestamp()
        self._connection.execute(
            "delete from chunks where (tenant, pack_id) in (select tenant, pack_id from packs where fetched_at < ?)",
            (oldest,),
        )
        self._connection.execute("delete from packs where fetched_at < ?", (oldest,))

    def _find(self, tenant: str, pack_id: str) -> Pack | None:
        oldest = (self._clock.now() - self._retention).timestamp()
        row = self._connection.execute(
            "select pack from packs where tenant = ? and pack_id = ? and fetched_at >= ?", (tenant, pack_id, oldest)
        ).fetchone()
        if row is None:
            return None
        fields = json.loads(row[0])
        return Pack(**fields | {"updated_at": datetime.fromisoformat(fields["updated_at"])})

    def _kept_ids(self, tenant: str) -> tuple[str, ...]:
        oldest = (self._clock.now() - self._retention).timestamp()
        rows = self._connection.execute(
            "select pack_id from packs where tenant = ? and fetched_at >= ? order by pack_id", (tenant, oldest)
        )
        return tuple(row[0] for row in rows)

    def _index(self, tenant: str, pack_id: str) -> PackIndex:
        pack = self._find(tenant, pack_id)
        if pack is None:
            return PackIndex.of(())
        loaded = self._loaded.get((tenant, pack_id))
        if loaded is None or loaded[0] != pack.version:
            if len(self._loaded) >= MAX_LOADED:
                self._loaded.clear()
            loaded = self._loaded[tenant, pack_id] = (pack.version, PackIndex.of(self._read(tenant, pack_id)))
        return loaded[1]

    def _read(self, tenant: str, pack_id: str) -> list[tuple[Chunk, str, Vector]]:
        rows = self._connection.execute(
            "select chunk, model, vector from chunks where tenant = ? and pack_id = ? order by rowid", (tenant, pack_id)
        )
        return [(Chunk(**json.loads(c)), model, np.frombuffer(v, dtype=np.float32)) for c, model, v in rows]


@asynccontextmanager
async def open_copies(
    file: Path | None, clock: Clock, *, retention_s: float = RETENTION_S
) -> AsyncIterator[LocalCopies]:
    """Yield the copies kept in ``file``, readable by its owner only; without a file they live as long as the process.

    A file that cannot be read as a database is put aside and begun anew: a copy is worth nothing that stops the start.
    """
    connection = await asyncio.to_thread(_open, file)
    copies = LocalCopies(connection, clock, retention_s=retention_s)
    try:
        yield copies
    finally:
        await copies.close()


def _open(file: Path | None) -> sqlite3.Connection:
    if file is None:
        return _connect(":memory:")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600, exist_ok=True)
    try:
        return _connect(str(file))
    except sqlite3.DatabaseError as error:
        _log.warning("copy_unreadable", error=str(error))
        file.replace(file.with_suffix(".unreadable"))
        file.touch(mode=0o600)
        return _connect(str(file))


def _connect(target: str) -> sqlite3.Connection:
    connection = sqlite3.connect(target, check_same_thread=False)
    try:
        connection.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
