"""Run pg_dump and pg_restore on one half of the recorder's schema."""

import os
import subprocess
import tempfile
from enum import StrEnum
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from tools.up.postgres import installed_programs

SCHEMA = "recorder"
KEYS = (f"{SCHEMA}.dek", f"{SCHEMA}.index_key", f"{SCHEMA}.tombstone")
_OWNER_ONLY = 0o600
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
}


class BackupError(Exception):
    """A backup could not be made or brought back; the message is what PostgreSQL's program said."""


class Half(StrEnum):
    """What a backup holds."""

    EVIDENCE = "evidence"
    """Logs, sealed bodies, tiles, checkpoints and the tables themselves, without any data key."""
    KEYS = "keys"
    """The data keys, what people are found by, and who was erased: what was erased today is so in older evidence."""


_WHAT = {
    Half.EVIDENCE: (f"--schema={SCHEMA}", *(f"--exclude-table-data={table}" for table in KEYS)),
    Half.KEYS: ("--data-only", *(f"--table={table}" for table in KEYS)),
}


def dump(conninfo: str, half: Half, target: Path) -> None:
    """Write one half of the evidence of the database at ``conninfo`` into ``target``, which only its owner can read.

    Raises:
        BackupError: The database cannot be read. A file that was there before is still the old one then.
    """
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as private:
        draft = Path(private) / "draft"
        _run(conninfo, "pg_dump", "--no-password", "--format=custom", f"--file={draft}", *_WHAT[half])
        draft.chmod(_OWNER_ONLY)
        draft.replace(target)


def restore(conninfo: str, *sources: Path, over_empty_tables: bool = False) -> None:
    """Bring backups into the database at ``conninfo``, evidence first, each in one transaction.

    Args:
        conninfo: The owner's login.
        sources: Files that `dump` has written.
        over_empty_tables: The database has been migrated already: the evidence brings its tables instead of those.

    Raises:
        BackupError: A backup does not fit what is there; nothing of it was brought in.
    """
    for source in sources:
        database = str(conninfo_to_dict(conninfo)["dbname"])
        options = ["--no-password", "--single-transaction", "--exit-on-error", "--no-owner", f"--dbname={database}"]
        if over_empty_tables and source == sources[0]:
            options += ["--clean", "--if-exists"]
        _run(conninfo, "pg_restore", *options, str(source))


def look_into(source: Path) -> None:
    """Read the table of contents of a backup.

    Raises:
        BackupError: The file is none, or cannot be read.
    """
    _run("", "pg_restore", "--list", str(source))


def _run(conninfo: str, program: str, *options: str) -> None:
    """Run a program that logs in by its environment, where no other account can read the password."""
    parts = conninfo_to_dict(conninfo)
    env = {name: str(parts[part]) for part, name in _VARIABLES.items() if parts.get(part) is not None}
    command = [str(installed_programs() / program), *options]
    done = subprocess.run(command, capture_output=True, check=False, env={"PATH": os.defpath} | env)
    if done.returncode:
        raise BackupError(f"{program}: {done.stderr.decode(errors='replace').strip()}")
