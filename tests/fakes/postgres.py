"""A real PostgreSQL 18 with pgvector for tests: one server for a session, one fresh database for a test.

The server keeps its durability settings (`fsync` stays on), so crash tests mean what they say. A database with the
migrations of some rooms is copied from a template that is migrated once, which makes a fresh one cost about 0.1 s.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from asyncpg import Pool
from psycopg import sql

from services.chassis.config import SecretFile
from services.chassis.postgres import PostgresSettings, open_pool
from services.topology import roles_of
from tools.migrate.ddl_fence import DDL_FENCE
from tools.migrate.moves import downgrade, upgrade
from tools.migrate.schemas import Schema
from tools.up.account import unprivileged
from tools.up.postgres import reachable_programs

OWNER = "owner"
"""The superuser who owns every database."""
MIGRATOR = "magistrate"
"""The role that runs the migrations: it owns the schemas, administers the services' roles and is no superuser."""
SERVICES = Path(__file__).parents[2] / "services"
START_S = 30.0
POLL_S = 0.02
"""How often a starting server, which tells nobody when it is ready, is asked."""

ACCOUNT = unprivileged()
"""Whom the server runs as where the tests run as root, which PostgreSQL refuses."""
BIN = reachable_programs(ACCOUNT)


@dataclass(slots=True)
class PostgresServer:
    """A running server; `crash` and `start` are there for tests of recovery."""

    folder: Path
    port: int
    password: str
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = None
    templates: dict[tuple[str, ...], str] = field(default_factory=dict)

    def start(self) -> None:
        """Start the server and return when it accepts connections."""
        data, sockets = str(self.folder / "data"), str(self.folder)
        command = as_account(str(BIN / "postgres"), "-D", data, "-h", self.host, "-p", str(self.port), "-k", sockets)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self._wait_until_ready()

    def crash(self) -> None:
        """Kill the server as a power cut would: no checkpoint, no goodbye; wait until every child is gone."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop the server at once and cleanly, dropping its clients."""
        self._end(signal.SIGINT)

    def freeze(self) -> None:
        """Suspend the server and every backend of it: connections stay open and nothing answers (Linux only)."""
        self._signal(signal.SIGSTOP)
        self._signal_backends(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume a frozen server."""
        self._signal_backends(signal.SIGCONT)
        self._signal(signal.SIGCONT)

    def dsn(self, database: str, user: str = OWNER, password: str | None = None) -> str:
        """Return a libpq URL that logs in as ``user`` (the owner unless told)."""
        return f"postgresql://{user}:{password or self.password}@{self.host}:{self.port}/{database}"

    def execute(self, statement: sql.Composed | str, database: str = "postgres") -> None:
        """Run one statement as the owner, outside a transaction."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            connection.execute(statement.encode() if isinstance(statement, str) else statement)

    def _wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.dsn("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(POLL_S)
            else:
                return

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _signal_backends(self, number: signal.Signals) -> None:
        """Reach the children, each of which has a session of its own."""
        if self.process is None or self.process.poll() is not None:
            return
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in children.read_text().split() if children.exists() else ():
            with suppress(ProcessLookupError):
                os.kill(int(pid), number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        if self.process is not None:
            self.process.wait(timeout=START_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One fresh database, and how each room's own role logs in to it."""

    server: PostgresServer
    name: str

    @property
    def host(self) -> str:
        """Return the address the server listens on."""
        return self.server.host

    @property
    def port(self) -> int:
        """Return the port the server listens on."""
        return self.server.port

    @property
    def owner_dsn(self) -> str:
        """Return the URL of the owner, who may do everything."""
        return self.server.dsn(self.name)

    def dsn(self, room: str) -> str:
        """Return the URL of the least-privilege role of ``room``."""
        return self.server.dsn(self.name, user=room)

    @property
    def password_file(self) -> Path:
        """Return the file with the password that every room's role has here."""
        return self.server.folder / "password"


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Yield a running server with an empty cluster in a temporary folder; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = PostgresServer(folder=folder, port=_free_port(), password=secrets.token_hex(8))
    try:
        _init(server)
        server.start()
        yield server
    finally:
        server.thaw()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server: PostgresServer, *, migrations_of: Sequence[str] = ()) -> Iterator[Database]:
    """Yield a new database with `vector` in schema public, and role, schema and migrations of each room named."""
    rooms = tuple(sorted(migrations_of))
    if rooms not in server.templates:
        server.templates[rooms] = _build_template(server, rooms)
    name = f"test_{secrets.token_hex(6)}"
    _create(server, name, template=server.templates[rooms])
    try:
        yield Database(server=server, name=name)
    finally:
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@asynccontextmanager
async def room_pool(database: Database, room: str, *, empty: Sequence[str] = (), **fields: Any) -> AsyncIterator[Pool]:
    """Empty tables of ``room``, and yield its own pool: its role may do no more than in the field.

    ``fields`` are further ones of the settings.
    """
    if empty:
        tables = sql.SQL(", ").join(sql.Identifier(room, table) for table in empty)
        database.server.execute(sql.SQL("truncate {}").format(tables), database.name)
    settings = PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.name,
        user=room,
        password_file=SecretFile(database.password_file),
        schema=room,
        # Long, since a machine that is busy is no fault of the server.
        **{"connect_timeout_s": 20} | fields,
    )
    async with open_pool(settings) as opened:
        yield opened


def migrate(dsn: str, room: str, *, revision: str = "head") -> None:
    """Bring the schema of ``room`` to ``revision``: "head", or back to "base" or an id, as the migration tool does."""
    schema = Schema(name=room, folder=SERVICES / room / "migrations")
    upgrade(dsn, schema) if revision == "head" else downgrade(dsn, schema, revision)


def migrator_dsn(server: PostgresServer, database: str) -> str:
    """Return the URL of the role that runs migrations: as in the real stack, it owns the schemas only."""
    return server.dsn(database, user=MIGRATOR)


def _build_template(server: PostgresServer, rooms: tuple[str, ...]) -> str:
    name = "_".join(("template", *rooms))
    _create_role(server, MIGRATOR, "createrole")
    _create(server, name, template="template1")
    server.execute("create extension if not exists vector schema public", name)
    server.execute(DDL_FENCE, name)
    for room in rooms:
        for role in roles_of(room):
            _create_role(server, role, "nocreaterole")
            server.execute(f"grant {role} to {MIGRATOR} with admin true, inherit false, set false")
        server.execute(f"create schema {room} authorization {MIGRATOR}", name)
        migrate(migrator_dsn(server, name), room)
    return name


def _create(server: PostgresServer, name: str, *, template: str) -> None:
    statement = sql.SQL("create database {} template {} owner {} strategy file_copy")
    server.execute(statement.format(*map(sql.Identifier, (name, template, MIGRATOR))))


def _create_role(server: PostgresServer, role: str, may: str) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        if connection.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone() is None:
            statement = sql.SQL("create role {} login {} password {}")
            connection.execute(statement.format(sql.Identifier(role), sql.SQL(may), sql.Literal(server.password)))


def _init(server: PostgresServer) -> None:
    password_file = server.folder / "password"
    password_file.write_text(server.password)
    if ACCOUNT:
        for path in (server.folder, password_file):
            os.chown(path, ACCOUNT.uid, ACCOUNT.gid)
    options = ["-U", OWNER, "--auth=scram-sha-256", f"--pwfile={password_file}", "--locale=C.UTF-8", "--no-sync"]
    command = as_account(str(BIN / "initdb"), "-D", str(server.folder / "data"), *options)
    subprocess.run(command, check=True, capture_output=True, cwd=server.folder)


def as_account(*argv: str) -> tuple[str, ...]:
    """Return the command line that runs ``argv`` as an unprivileged account where the tests run as root."""
    return ACCOUNT.command(*argv) if ACCOUNT else argv


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
