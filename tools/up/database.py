"""The one database: an owner, for each service that keeps state a schema and a login role, a role for companions."""

import asyncio

import psycopg
from psycopg import sql

from services.topology import SERVICES, roles_of
from tools.migrate.ddl_fence import DDL_FENCE
from tools.migrate.schemas import MigrationError, NewerSchemaError, schemas
from tools.up.failures import StackError
from tools.up.folder import Folder
from tools.up.part import Part
from tools.up.postgres import NAME as POSTGRES
from tools.up.postgres import Postgres, login

NAME = "database"
DATABASE = "magistrate"
OWNER = "magistrate"
"""Owns the schemas, runs the migrations and may set defaults of the services' roles; no superuser."""
EXTENSIONS = ("vector", "pg_trgm")
SCHEMAS = tuple(service.name for service in SERVICES if service.has_schema)
ROLES = tuple(role for schema in SCHEMAS for role in roles_of(schema))


class Database(Part):
    """Roles, schemas, extensions and migrations; every step may run again on a database that has them."""

    name = NAME
    after = (POSTGRES,)
    hint = "`magistrate logs postgres` shows what the server says"

    def __init__(self, folder: Folder, postgres: Postgres, port: int) -> None:
        self.address = DATABASE
        self._folder = folder
        self._postgres = postgres
        self._port = port

    async def settle(self) -> None:
        """Bring the database to what this version of the services needs.

        Raises:
            StackError: PostgreSQL refuses a statement, for example on a full disk, or a migration cannot be made.
        """
        try:
            await self._provide()
        except psycopg.Error as error:
            raise StackError(f"PostgreSQL refused: {str(error).partition(chr(10))[0]}") from error
        try:
            await asyncio.to_thread(_migrate, owner_login(self._folder, self._port))
        except NewerSchemaError as error:
            raise StackError(str(error), hint="a newer version made this state: start it with that one") from error
        except MigrationError as error:
            raise StackError(f"a migration failed: {error}") from error

    async def _provide(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._postgres.conninfo(), autocommit=True) as server:
            for role in (OWNER, *ROLES):
                await _provide_role(server, role, self._folder)
            await _provide_database(server)
        conninfo = self._postgres.conninfo(DATABASE)
        async with await psycopg.AsyncConnection.connect(conninfo) as database:
            await _provide_schemas(database)
            await database.execute(DDL_FENCE)


def owner_login(folder: Folder, port: int) -> str:
    """Return the owner's login to the database."""
    return login(port, DATABASE, OWNER, folder.secret(f"postgres-{OWNER}"))


def _migrate(conninfo: str) -> None:
    """Move every schema to its newest revision, one after the other."""
    from tools.migrate.moves import upgrade  # noqa: PLC0415 - Alembic's import takes long; here it delays nobody

    for schema in schemas():
        upgrade(conninfo, schema)


async def _provide_role(server: psycopg.AsyncConnection, role: str, folder: Folder) -> None:
    """Create a login role, and give it the password of this state folder."""
    found = await server.execute("select 1 from pg_roles where rolname = %s", [role])
    may = sql.SQL("createrole" if role == OWNER else "nocreaterole")
    if await found.fetchone() is None:
        await server.execute(sql.SQL("create role {} login {}").format(sql.Identifier(role), may))
    password = sql.Literal(folder.secret(f"postgres-{role}").read_text())
    await server.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(role), password))


async def _provide_database(server: psycopg.AsyncConnection) -> None:
    """Create the database and let only the roles of the mesh connect."""
    found = await server.execute("select 1 from pg_database where datname = %s", [DATABASE])
    database, owner = sql.Identifier(DATABASE), sql.Identifier(OWNER)
    if await found.fetchone() is None:
        await server.execute(sql.SQL("create database {} owner {}").format(database, owner))
    await server.execute(sql.SQL("revoke all on database {} from public").format(database))
    roles = sql.SQL(", ").join(map(sql.Identifier, ROLES))
    await server.execute(sql.SQL("grant connect on database {} to {}").format(database, roles))
    await server.execute(sql.SQL("grant {} to {} with admin true, inherit false, set false").format(roles, owner))


async def _provide_schemas(database: psycopg.AsyncConnection) -> None:
    """Create the extensions in schema public, and one schema a service that only its owner may change."""
    for extension in EXTENSIONS:
        await database.execute(
            sql.SQL("create extension if not exists {} schema public").format(sql.Identifier(extension))
        )
    for name in SCHEMAS:
        schema, owner = sql.Identifier(name), sql.Identifier(OWNER)
        await database.execute(sql.SQL("create schema if not exists {} authorization {}").format(schema, owner))
        await database.execute(sql.SQL("grant usage on schema {} to {}").format(schema, schema))
