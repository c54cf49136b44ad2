"""What was signed, in a SQLite file that is durable before the signature is made."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from services.recorder.core.note import Checkpoint

TABLES = """
pragma journal_mode = wal;
pragma synchronous = full;
create table if not exists signed (origin text primary key, size integer not null, root blob not null) without rowid;
"""
LAST = "select origin, size, root from signed where origin = ?"
REMEMBER = """
insert into signed (origin, size, root) values (?, ?, ?)
on conflict (origin) do update set size = excluded.size, root = excluded.root where excluded.size > size"""


class SignedMemory:
    """Remembers the largest checkpoint of each log."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        self._file.executescript(TABLES)

    def last(self, origin: str) -> Checkpoint | None:
        """Return the largest checkpoint of a log that was about to be signed."""
        row = self._file.execute(LAST, (origin,)).fetchone()
        return Checkpoint(origin=row[0], size=row[1], root=row[2]) if row else None

    def remember(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint durably, before it is signed."""
        self._file.execute(REMEMBER, (checkpoint.origin, checkpoint.size, checkpoint.root))


@asynccontextmanager
async def open_memory(path: Path) -> AsyncIterator[SignedMemory]:
    """Yield the memory in the file at ``path``; it is made where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        yield SignedMemory(file)
