"""What was signed, in a SQLite file that is durable before the signature is made."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from services.recorder.core.note import Checkpoint
from services.recorder.publisher.ports import Remembered

TABLES = """
pragma journal_mode = wal;
pragma synchronous = full;
create table if not exists remembered (
    origin text primary key, size integer not null, root blob not null, stored integer not null
) without rowid;
"""
LAST = "select origin, size, root, stored from remembered where origin = ?"
REMEMBER = """
insert into remembered (origin, size, root, stored) values (?, ?, ?, ?)
on conflict (origin) do update set size = excluded.size, root = excluded.root, stored = excluded.stored
where excluded.size > size"""


class SignedMemory:
    """Remembers the largest checkpoint of each log."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        self._file.executescript(TABLES)

    def last(self, origin: str) -> Remembered | None:
        """Return what is remembered of a log."""
        row = self._file.execute(LAST, (origin,)).fetchone()
        if row is None:
            return None
        return Remembered(checkpoint=Checkpoint(origin=row[0], size=row[1], root=row[2]), stored=row[3])

    def remember(self, checkpoint: Checkpoint, stored: int) -> None:
        """Keep a checkpoint durably, before it is signed, and the size of the one before it, which is stored."""
        self._file.execute(REMEMBER, (checkpoint.origin, checkpoint.size, checkpoint.root, stored))


@asynccontextmanager
async def open_memory(path: Path) -> AsyncIterator[SignedMemory]:
    """Yield the memory in the file at ``path``; it is made where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        yield SignedMemory(file)
