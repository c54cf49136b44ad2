"""Bring a backup back into the database that the services use."""

from collections.abc import Sequence
from pathlib import Path

import psycopg

from tools.backup.drill import SIZES, Restored, inspect
from tools.backup.dump import BackupError, Half, look_into, restore

_HOW = "docs/evidence.md says how a stack is started without"


def recover(conninfo: str, folder: Path) -> Sequence[Restored]:
    """Restore both halves in ``folder`` into a database that is migrated and holds no evidence; return what came.

    Args:
        conninfo: The owner's login.
        folder: Has ``evidence.dump`` and ``keys.dump``; the second may be newer, and should be.

    Raises:
        BackupError: A half is missing or damaged, or there is evidence in the database, or the database cannot be
            asked; nothing was changed. Or the halves do not fit each other, and the evidence is there without its keys.
    """
    halves = [folder / f"{half}.dump" for half in Half]
    for path in halves:
        if not path.is_file():
            raise BackupError(f"{path} is missing; a backup is two files, evidence.dump and keys.dump")
        look_into(path)
    if held := _records(conninfo):
        raise BackupError(f"the database holds {held} records; a backup comes back only where there are none: {_HOW}")
    restore(conninfo, *halves, over_empty_tables=True)
    return inspect(conninfo, beside=conninfo)


def _records(conninfo: str) -> int:
    """Return how many records all logs of a database hold."""
    try:
        with psycopg.connect(conninfo) as living:
            return sum(size for _, size in living.execute(SIZES).fetchall())
    except psycopg.Error as error:
        raise BackupError(f"the database cannot be asked what it holds: {str(error).strip()}") from error
