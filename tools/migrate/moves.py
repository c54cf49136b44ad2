"""Move schemas to a revision, each in one transaction, so that a failed migration changes nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tools.migrate.schemas import HEAD, PREVIOUS, MigrationError, NewerSchemaError, Position, Schema

ENVIRONMENT = files("tools.migrate") / "environment"
_LOCK = 5_403_771
"""Key of the advisory lock that lets one migration run at a time; any number that nothing else uses."""


def upgrade(conninfo: str, schema: Schema, revision: str = HEAD) -> Position:
    """Move ``schema`` forward to ``revision``; create it if it is not there. A second time changes nothing.

    Args:
        conninfo: libpq's login of the owner.
        schema: What to move.
        revision: A revision id, ``head`` or ``+N``.

    Raises:
        MigrationError: There is no such revision, or the database refuses a statement of it.
        NewerSchemaError: A newer version of the services made the schema what it is.
    """
    return _move(conninfo, schema, lambda config: command.upgrade(config, revision))


def downgrade(conninfo: str, schema: Schema, revision: str = PREVIOUS) -> Position:
    """Move ``schema`` back to ``revision`` (an id, ``base`` or ``-N``); data that only newer revisions hold is lost.

    Raises:
        MigrationError: There is no such revision, or the database refuses a statement of it.
    """
    return _move(conninfo, schema, lambda config: command.downgrade(config, revision))


def position(conninfo: str, schema: Schema) -> Position:
    """Return where ``schema`` stands."""
    with _connection(conninfo) as connection:
        return _position(connection, schema)


def _move(conninfo: str, schema: Schema, move: Callable[[Config], None]) -> Position:
    with _connection(conninfo) as connection, as_file(ENVIRONMENT) as environment:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(text(f'create schema if not exists "{schema.name}"'))
        try:
            _require_known(connection, _config(environment, schema), schema)
            move(_config(environment, schema, connection))
        except CommandError as error:
            raise MigrationError(f"schema {schema.name}: {error}") from error
        except DBAPIError as error:
            raise MigrationError(f"schema {schema.name}: {error.orig} ({error.statement})") from error
        return _position(connection, schema)


def _require_known(connection: Connection, config: Config, schema: Schema) -> None:
    """Refuse to move what this version cannot know."""
    current = _context(connection, schema).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current and current not in known:
        raise NewerSchemaError(f"schema {schema.name} stands at revision {current}, which this version does not have")


def _context(connection: Connection, schema: Schema) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table_schema": schema.name})


def _config(environment: Path, schema: Schema, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped(environment))
    config.set_main_option("version_locations", _escaped(schema.folder))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, schema=schema.name)
    return config


def _escaped(path: Path) -> str:
    """Return a path as a value of Alembic's configuration, which interpolates percent signs."""
    return str(path).replace("%", "%%")


def _position(connection: Connection, schema: Schema) -> Position:
    with as_file(ENVIRONMENT) as environment:
        script = ScriptDirectory.from_config(_config(environment, schema))
    current = _context(connection, schema).get_current_revision()
    return Position(schema=schema.name, current=current, head=script.get_current_head())


@contextmanager
def _connection(conninfo: str) -> Iterator[Connection]:
    """Yield a connection in a transaction that commits at the end; libpq's string keeps the password out of a URL."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
