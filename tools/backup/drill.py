"""Prove that a backup can be brought back: restore it beside the living database, and look at what came."""

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tools.backup.dump import Half, dump, restore

Login = Callable[[str], str]
"""Return the login of the schemas' owner to a database of this name."""

# Everything that can be seen without a key: no gap, every leaf the hash of its envelope, every body the one it names.
FOUND = """
select h.origin, h.size, count(e.seq), count(b.seq), count(k.wrapped),
  count(*) filter (where e.leaf <> sha256('\\x00'::bytea || e.envelope)
                      or b.sealed <> '' and position(encode(sha256(b.sealed), 'hex')::bytea in e.envelope) = 0)
from recorder.head h
left join recorder.ev e on e.log = h.log
left join recorder.ev_body b on b.log = e.log and b.seq = e.seq
left join recorder.dek k on k.id = b.dek
group by h.origin, h.size order by h.origin"""
SIZES = "select origin, size from recorder.head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back of one log."""

    origin: str
    size: int
    records: int
    bodies: int
    keys: int
    """Bodies whose data key came back too."""
    damaged: int
    living_size: int
    """Size of the living log after the drill; a backup is never ahead of it."""

    @property
    def whole(self) -> bool:
        """Tell whether all of the log is there, and nothing that it did not hold."""
        return self.records == self.size <= self.living_size and not self.damaged


def drill(login: Login, superuser: str, database: str) -> Sequence[Restored]:
    """Back ``database`` up, restore it into a new one that is removed afterwards, and return what came back.

    Args:
        login: The owner's login to any database.
        superuser: A login that may create databases.
        database: Name of the living database.

    Raises:
        BackupError: The backup cannot be made or brought back.
    """
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        halves = [Path(folder) / half for half in Half]
        for half, path in zip(Half, halves, strict=True):
            dump(login(database), half, path)
        with _scratch(superuser, login(database)) as name:
            restore(login(name), *halves)
            return inspect(login(name), beside=login(database))


def inspect(restored: str, *, beside: str) -> Sequence[Restored]:
    """Return what has come back to the database at ``restored``, with the sizes of the logs ``beside`` it."""
    with psycopg.connect(beside) as living:
        sizes: dict[str, int] = dict(living.execute(SIZES).fetchall())
    with psycopg.connect(restored) as connection:
        return [_restored(row, sizes.get(row[0], 0)) for row in connection.execute(FOUND).fetchall()]


def _restored(row: tuple[str, int, int, int, int, int], living_size: int) -> Restored:
    origin, size, records, bodies, keys, damaged = row
    return Restored(
        origin=origin,
        size=size,
        records=records,
        bodies=bodies,
        keys=keys,
        damaged=damaged,
        living_size=living_size,
    )


@contextmanager
def _scratch(superuser: str, owner: str) -> Iterator[str]:
    """Yield the name of a new database that belongs to the owner of the living one."""
    name = f"drill_{secrets.token_hex(6)}"
    user = psycopg.conninfo.conninfo_to_dict(owner)["user"]
    with psycopg.connect(superuser, autocommit=True) as server:
        server.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(str(user))))
        try:
            yield name
        finally:
            server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
