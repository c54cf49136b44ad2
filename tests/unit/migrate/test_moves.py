"""Schemas move forward and back on a real PostgreSQL, alone, whole and repeatably."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory

from services.topology import SERVICES
from tests.fakes.postgres import PostgresServer, fresh_database
from tools.migrate.moves import ENVIRONMENT, downgrade, position, upgrade
from tools.migrate.schemas import BASE, MigrationError, NewerSchemaError, Position, Schema, schemas

FIRST = '''"""Create the table."""
from alembic import op
revision, down_revision = "0001", None
def upgrade() -> None:
    op.execute("create table shop.things (name text primary key)")
def downgrade() -> None:
    op.execute("drop table shop.things")
'''
SECOND = '''"""Add a price."""
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade() -> None:
    op.execute("alter table shop.things add price integer not null default 0")
def downgrade() -> None:
    op.execute("alter table shop.things drop price")
'''
BROKEN = '''"""Fail half way."""
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade() -> None:
    op.execute("create table shop.half (name text)")
    op.execute("select no_such_function()")
def downgrade() -> None:
    pass
'''


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """Yield the owner's login to an empty database."""
    with fresh_database(postgres) as database:
        yield database.owner_dsn


@pytest.fixture
def shop(tmp_path: Path) -> Schema:
    """Return a schema with two migrations, in a folder whose name needs care."""
    folder = tmp_path / "100% my migrations"
    folder.mkdir()
    (folder / "0001_things.py").write_text(FIRST)
    (folder / "0002_price.py").write_text(SECOND)
    return Schema(name="shop", folder=folder)


def _rows(database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.mark.spec("OPS-10")
@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
def test_migrations_are_one_chain(schema: Schema) -> None:
    """Every revision follows one other and is followed by one at most, and its file is named after it."""
    chain = ScriptDirectory(str(ENVIRONMENT), version_locations=[str(schema.folder)])
    revisions = [script.revision for script in chain.walk_revisions()]

    assert (len(chain.get_bases()), len(chain.get_heads())) == (1, 1)
    assert sorted(revisions) == sorted(file.name.partition("_")[0] for file in schema.folder.glob("*.py"))


@pytest.mark.spec("OPS-10")
def test_a_new_schema_moves_to_the_newest_revision(database: str, shop: Schema) -> None:
    """The version stands inside the schema, so that schemas never share it."""
    assert Position(schema="shop", current="0002", head="0002") == upgrade(database, shop)
    assert _rows(database, "select version_num from shop.alembic_version") == [("0002",)]


def test_a_second_upgrade_changes_nothing(database: str, shop: Schema) -> None:
    """Every start of the stack may migrate."""
    upgrade(database, shop)
    _rows(database, "insert into shop.things values ('lamp', 3)")

    assert upgrade(database, shop).up_to_date
    assert _rows(database, "select * from shop.things") == [("lamp", 3)]


def test_down_and_up_again_keeps_what_the_older_revision_knows(database: str, shop: Schema) -> None:
    """One step back loses the newest column and nothing else."""
    upgrade(database, shop)
    _rows(database, "insert into shop.things values ('lamp', 3)")

    assert downgrade(database, shop).current == "0001"
    assert upgrade(database, shop).current == "0002"
    assert _rows(database, "select * from shop.things") == [("lamp", 0)]


def test_down_to_the_base_leaves_no_table(database: str, shop: Schema) -> None:
    """A schema can be taken back to nothing."""
    upgrade(database, shop)

    assert downgrade(database, shop, BASE).current is None
    assert _rows(database, "select 1 from pg_tables where schemaname = 'shop' and tablename <> 'alembic_version'") == []


def test_the_position_is_known_before_the_first_migration(database: str, shop: Schema) -> None:
    """Asking changes nothing."""
    assert Position(schema="shop", current=None, head="0002") == position(database, shop)


def test_a_failed_migration_changes_nothing(database: str, shop: Schema) -> None:
    """The whole move is one transaction, and the failure names schema and statement."""
    (shop.folder / "0003_broken.py").write_text(BROKEN)
    with pytest.raises(MigrationError, match=r"schema shop.*no_such_function"):
        upgrade(database, shop)

    assert position(database, shop).current is None


def test_an_unknown_revision_is_named(database: str, shop: Schema) -> None:
    """A typing error changes nothing."""
    upgrade(database, shop)
    with pytest.raises(MigrationError, match=r"schema shop.*9999"):
        upgrade(database, shop, "9999")

    assert position(database, shop).current == "0002"


def test_what_a_newer_version_made_is_left_alone(database: str, shop: Schema) -> None:
    """Older code does not touch data that it cannot know, and says so instead of naming a lost file."""
    upgrade(database, shop)
    (shop.folder / "0002_price.py").unlink()
    for move in (upgrade, downgrade):
        with pytest.raises(NewerSchemaError, match="schema shop stands at revision 0002, which this version does not"):
            move(database, shop)

    assert position(database, shop) == Position(schema="shop", current="0002", head="0001")


def test_two_migrations_at_once_take_turns(database: str, shop: Schema) -> None:
    """Two replicas that start together do not both create the table."""
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: upgrade(database, shop).current, range(4)))

    assert found == ["0002"] * 4


LEFT_BEHIND = """
select relname from pg_class where relnamespace = %(schema)s::text::regnamespace
    and relname not like 'alembic_version%%'
union all select proname from pg_proc where pronamespace = %(schema)s::text::regnamespace
union all select 'the right of the service' where has_schema_privilege(%(schema)s::text, %(schema)s::text, 'usage')
union all select unnest(setconfig) from pg_db_role_setting where setrole = %(schema)s::text::regrole
"""
"""What only the migrations of a schema can have made; the version table is the migrator's."""


@pytest.mark.parametrize("schema", schemas(), ids=lambda schema: schema.name)
def test_every_real_schema_goes_down_and_up(postgres: PostgresServer, schema: Schema) -> None:
    """What ships can be rolled back, leaving nothing behind, and forward again."""
    with fresh_database(postgres, migrations_of=[schema.name]) as database:
        assert position(database.owner_dsn, schema).up_to_date
        assert downgrade(database.owner_dsn, schema, BASE).current is None
        with psycopg.connect(database.owner_dsn) as connection:
            assert connection.execute(LEFT_BEHIND, {"schema": schema.name}).fetchall() == []
        assert upgrade(database.owner_dsn, schema).up_to_date


def test_every_service_that_keeps_state_is_found(tmp_path: Path) -> None:
    """A room with migrations needs no registration."""
    rooms = [service.room for service in SERVICES if service.has_schema]
    for room in rooms[:2]:
        (tmp_path / room / "migrations").mkdir(parents=True)

    assert [schema.name for schema in schemas(tmp_path)] == rooms[:2]
