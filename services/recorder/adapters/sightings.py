"""What a witness has seen, in a SQLite file: looked up, compared and replaced in one transaction that is durable."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from services.recorder.core.note import Checkpoint
from services.recorder.core.witnessing import Seen

TABLES = """
pragma journal_mode = wal;
pragma synchronous = full;
create table if not exists seen (origin text primary key, size integer not null, root blob not null) without rowid;
"""
BUSY_S = 5.0


class HeldSighting:
    """One log's row, in a transaction that nobody else can begin meanwhile."""

    def __init__(self, file: sqlite3.Connection, origin: str) -> None:
        self._file, self._origin = file, origin
        row = file.execute("select size, root from seen where origin = ?", (origin,)).fetchone()
        self.seen = Seen(size=row[0], root=row[1]) if row else Seen()

    def advance(self, checkpoint: Checkpoint) -> None:
        """Remember a newer checkpoint, durably by the end of the hold."""
        row = (self._origin, checkpoint.size, checkpoint.root)
        self._file.execute("insert or replace into seen (origin, size, root) values (?, ?, ?)", row)


class SqliteSightings:
    """One file; any number of processes may share it."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        file.executescript(TABLES)

    @contextmanager
    def hold(self, origin: str) -> Iterator[HeldSighting]:
        """Hold one log against everybody else; nothing is remembered where the hold ends with an error."""
        self._file.execute("begin immediate")
        try:
            yield HeldSighting(self._file, origin)
        except BaseException:
            self._file.execute("rollback")
            raise
        self._file.execute("commit")


@asynccontextmanager
async def open_sightings(path: Path) -> AsyncIterator[SqliteSightings]:
    """Yield what is remembered in the file at ``path``; it is made where there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)) as file:
        yield SqliteSightings(file)
