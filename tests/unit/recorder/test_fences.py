"""The database refuses what the recorder never does."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.fakes.postgres import Database, PostgresServer, fresh_database, migrate

TABLES = ("ev", "ev_body", "node", "checkpoint", "finding")
KEYS = ("tenant_key", "dek", "index_key", "tombstone")
ROWS = """
select recorder.open_log('o', 't');
update recorder.head set size = 1;
insert into recorder.ev (log, seq, ik, leaf, envelope, kind, decision_id, content_type, occurred_at, recorded_at)
values (1, 0, 'k', sha256(''), 'e', 'DECISION', '', 'a/b', now(), now());
insert into recorder.ev_body (log, seq, sealed) values (1, 0, 's');
insert into recorder.node (log, level, number, hash) values (1, 8, 0, sha256(''));
insert into recorder.tenant_key (tenant, version, master, wrapped) values ('t', 1, 'm', 'w');
insert into recorder.dek (id, tenant_key, subject, wrapped) values ('0123456789abcdef', 1, 's', 'w');
insert into recorder.dek (id, tenant_key, destroyed_at) values ('fedcba9876543210', 1, now());
insert into recorder.index_key (id, master, wrapped) values ('i', 'm', 'w');
insert into recorder.tombstone (tag, tenant, erased_at, reference) values ('s', 't', now(), 'e-1');
insert into recorder.checkpoint (log, size, root, note, signed_at) values (1, 1, sha256(''), 'n', now());
"""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[Database]:
    """Yield a database with one row in each table."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        with psycopg.connect(fresh.owner_dsn) as connection:
            connection.execute(ROWS.encode())
        yield fresh


def forbidden(dsn: str, statement: str) -> None:
    """Assert that ``statement`` is refused."""
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement", ["update recorder.{} set log = 1", "delete from recorder.{}", "truncate recorder.{}"]
)
def test_evidence_is_append_only(database: Database, table: str, statement: str) -> None:
    """Neither the recorder nor the owner of the tables changes or removes a row."""
    forbidden(database.dsn("recorder"), statement.format(table))
    forbidden(database.owner_dsn, statement.format(table))


@pytest.mark.spec("REC-15")
@pytest.mark.parametrize("table", KEYS)
@pytest.mark.parametrize("statement", ["delete from recorder.{}", "truncate recorder.{} cascade"])
def test_keys_are_never_removed_as_if_they_had_not_been(database: Database, table: str, statement: str) -> None:
    """What is left of a destroyed key says that there was one."""
    forbidden(database.dsn("recorder"), statement.format(table))
    forbidden(database.owner_dsn, statement.format(table))


@pytest.mark.spec("REC-15")
@pytest.mark.parametrize(
    "statement",
    [
        "update recorder.dek set wrapped = 'w', destroyed_at = null where wrapped is null",
        "update recorder.dek set subject = 'other' where wrapped is not null",
        "update recorder.dek set requester = 'other' where wrapped is not null",
        "update recorder.dek set destroyed_at = now() where wrapped is null",
        "update recorder.tombstone set erased_at = erased_at - interval '1 second'",
        "update recorder.tombstone set tag = 'other'",
        "update recorder.tenant_key set tenant = 'other'",
        "update recorder.ev_body set sealed = 'other'",
        "update recorder.ev_body set sealed = '', seq = 1",
    ],
)
def test_keys_are_wrapped_anew_or_destroyed_and_bodies_emptied(database: Database, statement: str) -> None:
    """A destroyed key stays destroyed, a key stays its person's, no body becomes another, no erasure is undone."""
    forbidden(database.owner_dsn, statement)


@pytest.mark.parametrize("change", ["size = 0", "size = 1", "size = 2, tenant = 'x'", "size = 2, origin = 'x'"])
def test_heads_only_grow(database: Database, change: str) -> None:
    """A log never shrinks, and never changes its name or owner."""
    forbidden(database.owner_dsn, f"update recorder.head set {change}")  # noqa: S608 - the cases above


@pytest.mark.parametrize(
    "statement",
    [
        "update recorder.head set tenant = 'x'",
        "delete from recorder.head",
        "drop table recorder.ev",
        "alter table recorder.ev disable trigger all",
        "create table recorder.mine (x int)",
        "insert into recorder.head (origin, tenant) values ('mine', 't')",
        "select recorder.open_bodies(9)",
        "select recorder.open_records(9)",
        "select * from recorder.ev_1",
        "select recorder.drop_bodies(1)",
        "select * from recorder.ev_body_1",
        "drop table recorder.ev_body_1",
        "set session_replication_role = replica",
    ],
)
def test_least_privilege(database: Database, statement: str) -> None:
    """The recorder's role inserts, reads and advances heads, and nothing else."""
    forbidden(database.dsn("recorder"), statement)


@pytest.mark.spec("REC-07", "REC-20")
@pytest.mark.parametrize(
    "statement",
    [
        "insert into recorder.ev (log, seq) values (1, 1)",
        "insert into recorder.node (log, level, number, hash) values (1, 8, 1, sha256(''))",
        "insert into recorder.dek (id, tenant_key, destroyed_at) values ('0123456789abcdee', 1, now())",
        "update recorder.head set size = 2",
        "select wrapped from recorder.dek",
        "select subject from recorder.dek",
        "select * from recorder.tenant_key",
        "select * from recorder.index_key",
        "select * from recorder.tombstone",
        "select recorder.open_log('x', 't')",
        "select recorder.drop_bodies(1)",
        "update recorder.checkpoint set note = 'x'",
        "delete from recorder.finding",
        "set session_replication_role = replica",
    ],
)
def test_the_publisher_reads_and_signs_alone(database: Database, statement: str) -> None:
    """Whoever signs can change no record and open no body."""
    forbidden(database.dsn("publisher"), statement)


@pytest.mark.spec("REC-07")
def test_only_the_publisher_stores_checkpoints(database: Database) -> None:
    """The recorder's role cannot, and two checkpoints never follow upon the same one."""
    row = "insert into recorder.checkpoint values (1, {}, sha256(''), 'n', now(), 1)"
    forbidden(database.dsn("recorder"), row.format(2))
    with psycopg.connect(database.dsn("publisher")) as publisher:
        publisher.execute(row.format(3).encode())
        with pytest.raises(psycopg.errors.UniqueViolation):
            publisher.execute(row.format(4).encode())


@pytest.mark.spec("REC-14")
@pytest.mark.parametrize("revision", ["base", "0001", "0002", "0003", "0004", "0007", "0008", "0009", "0006", "0010"])
def test_migrations_go_down_and_up_again(postgres: PostgresServer, revision: str) -> None:
    """From any revision the schema comes back, with rows in it; the log itself survives all but the first."""
    with fresh_database(postgres, migrations_of=["recorder"]) as fresh:
        with psycopg.connect(fresh.owner_dsn) as connection:
            connection.execute(ROWS.encode())
            before = connection.execute("select * from recorder.ev").fetchall()
        migrate(fresh.owner_dsn, "recorder", revision=revision)
        migrate(fresh.owner_dsn, "recorder")
        with psycopg.connect(fresh.owner_dsn) as connection:
            if revision == "base":
                connection.execute(ROWS.encode())
            after = connection.execute("select * from recorder.ev").fetchall()
            bodies = connection.execute("select count(*) from recorder.ev_body_1").fetchone()
            records = connection.execute("select count(*) from recorder.ev_1").fetchone()
    assert len(after) == 1
    assert revision == "base" or after == before
    assert records == bodies == (1,)
