"""Each service's role can do in the database what its service does, and nothing else (security item 23)."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.fakes.postgres import MIGRATOR, OWNER, Database, PostgresServer, fresh_database, migrator_dsn
from tools.migrate.schemas import schemas

ROOMS = tuple(schema.name for schema in schemas())
OTHERS = tuple((role, room) for role in ROOMS for room in ROOMS if role != room)
TABLES = """
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind in ('r', 'p', 'v')"""
DDL = (
    "create table {room}.mine (x int)",
    "create table public.mine (x int)",
    "create temporary table mine (x int)",
    "create view {room}.mine as select 1",
    "create function {room}.mine() returns int language sql as 'select 1'",
    "create schema mine",
    "create extension pg_trgm",
    "alter table {table} add column mine int",
    "alter table {table} disable trigger all",
    "alter table {table} owner to current_user",
    "alter schema {room} owner to current_user",
    "create index on {table} ((1))",
    "create policy mine on {table} using (true)",
    "grant all on {table} to public",
    "drop table {table} cascade",
    "drop schema {room} cascade",
)
ALTERATIONS = (
    "update recorder.{table} set {column} = default",
    "delete from recorder.{table}",
    "truncate recorder.{table}",
    "truncate recorder.{table} cascade",
)
EVIDENCE = ("ev", "ev_body", "node", "checkpoint", "head", "dek", "tenant_key", "tombstone", "index_key")


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with every service's schema."""
    with fresh_database(postgres, migrations_of=ROOMS) as fresh:
        yield fresh


def tables(database: Database, room: str) -> list[str]:
    """Return every table of a room, but for the migration tool's own."""
    with psycopg.connect(database.owner_dsn) as connection:
        found = [name for (name,) in connection.execute(TABLES, [room]).fetchall()]
    return [name for name in found if not name.endswith("alembic_version")]


def denied(database: Database, role: str, statement: str) -> None:
    """Assert that ``role`` may not do this."""
    with (
        psycopg.connect(database.dsn(role), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


@pytest.mark.spec("S23")
@pytest.mark.parametrize("role", ROOMS)
@pytest.mark.parametrize("statement", DDL)
def test_no_service_changes_a_schema(database: Database, role: str, statement: str) -> None:
    """As each service's role: whatever creates, alters, grants or drops is denied, in its own schema too."""
    denied(database, role, statement.format(room=role, table=tables(database, role)[0]))


@pytest.mark.spec("S23")
@pytest.mark.parametrize(("role", "room"), OTHERS)
def test_no_service_sees_the_tables_of_another(database: Database, role: str, room: str) -> None:
    """As each service's role: every table of every other room is closed, for reading as for writing."""
    for table in tables(database, room):
        denied(database, role, f"select from {table}")
        denied(database, role, f"delete from {table}")  # noqa: S608 - a name from the catalogue


@pytest.mark.spec("S23", "REC-07")
@pytest.mark.parametrize("role", ROOMS)
@pytest.mark.parametrize("table", EVIDENCE)
def test_no_service_alters_evidence(database: Database, role: str, table: str) -> None:
    """As each service's role, the recorder's included: no record, body, node, checkpoint, head or key is removed."""
    column = first_column(database, table)
    for statement in ALTERATIONS:
        denied(database, role, statement.format(table=table, column=column))


@pytest.mark.spec("S23")
@pytest.mark.parametrize("role", ROOMS)
def test_no_service_becomes_another(database: Database, role: str) -> None:
    """No role can put on another's rights, a superuser's settings or the files of the server."""
    for other in (*ROOMS, MIGRATOR, OWNER):
        if other != role:
            denied(database, role, f"set role {other}")
    denied(database, role, "set session_replication_role = replica")
    denied(database, role, "copy (select 1) to '/tmp/mine'")
    denied(database, role, "alter system set fsync = off")
    denied(database, role, "create role mine")


def test_owner_passes_the_fence(database: Database) -> None:
    """What keeps services out does not keep migrations out."""
    with psycopg.connect(migrator_dsn(database.server, database.name)) as connection:
        connection.execute("create table recorder.mine (x int)")
        connection.rollback()


def first_column(database: Database, table: str) -> str:
    """Return the first column of one of the recorder's tables."""
    with psycopg.connect(database.owner_dsn) as connection:
        found = connection.execute(f"table recorder.{table}").description
    assert found
    return found[0].name
