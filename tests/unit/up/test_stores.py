"""The stores of the stack, real: passwords only, durable, and each role confined to its schema."""

import asyncio
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from services.topology import SERVICES
from tools.up import ports
from tools.up.control import purge
from tools.up.crew import Crew
from tools.up.database import DATABASE, Database, owner_login
from tools.up.folder import Folder
from tools.up.ledger import Ledger
from tools.up.part import Part
from tools.up.postgres import Postgres, login
from tools.up.state import StackRecord
from tools.up.valkey import Valkey


@pytest.fixture
def folder() -> Iterator[Folder]:
    """Yield a state folder that other accounts could reach if it let them."""
    folder = Folder(root=Path(tempfile.mkdtemp(prefix="stores")))
    folder.create()
    yield folder
    purge(folder)


@asynccontextmanager
async def _running(folder: Folder, *parts: Part) -> AsyncIterator[None]:
    ledger = Ledger(folder, StackRecord())
    crew = Crew(parts, folder, ledger, lambda _: None)
    ledger.open(crew.plan())
    try:
        async with asyncio.TaskGroup() as keepers:
            await crew.start(keepers)
            yield
            for task in list(keepers._tasks):
                task.cancel()
    finally:
        await crew.stop()


def _database(folder: Folder) -> tuple[int, Postgres, Database]:
    port = ports.choose(("postgres",), kept={}, given={})["postgres"]
    postgres = Postgres(folder, port)
    return port, postgres, Database(folder, postgres, port)


async def test_data_that_was_opened_to_others_is_made_private_again(folder: Folder) -> None:
    """A ``chmod -R`` over the checkout costs no start, and no advice to give up the evidence."""
    _, postgres, _ = _database(folder)
    await postgres.prepare()
    data = postgres._data
    data.chmod(0o755)
    await postgres.prepare()

    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.spec("OPS-10")
async def test_the_database_is_provided_once_and_kept(folder: Folder) -> None:
    """A second start finds roles, schemas, migrations and data; the evidence survives."""
    port, postgres, database = _database(folder)
    async with _running(folder, postgres, database):
        with psycopg.connect(owner_login(folder, port)) as owner:
            owner.execute("create table recorder.mark (word text)")
            owner.execute("insert into recorder.mark values ('kept')")
    async with _running(folder, Postgres(folder, port), Database(folder, postgres, port)):
        with psycopg.connect(owner_login(folder, port)) as owner:
            assert owner.execute("select word from recorder.mark").fetchone() == ("kept",)
            found = {row[0] for row in owner.execute("select nspname from pg_namespace")}
            extensions = {row[0] for row in owner.execute("select extname from pg_extension")}

    assert {service.name for service in SERVICES if service.has_schema} <= found
    assert {"vector", "pg_trgm"} <= extensions


async def test_a_role_sees_its_own_schema_only(folder: Folder) -> None:
    """A service that is taken over cannot read or change the evidence."""
    port, postgres, database = _database(folder)
    async with _running(folder, postgres, database):
        with psycopg.connect(owner_login(folder, port), autocommit=True) as owner:
            owner.execute("create table recorder.secret (word text)")
            owner.execute("grant select on recorder.secret to router")
        router = login(port, DATABASE, "router", folder.secret("postgres-router"))
        with psycopg.connect(router, autocommit=True) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema recorder"):
                connection.execute("select * from recorder.secret")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("create table public.stray (word text)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("create table router.stray (word text)")


async def test_nobody_enters_the_database_without_a_password(folder: Folder) -> None:
    """Being on the same machine is not enough."""
    port, postgres, database = _database(folder)
    async with _running(folder, postgres, database):
        wrong = make_conninfo("", host="127.0.0.1", port=port, dbname=DATABASE, user="router", password="wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        with psycopg.connect(postgres.conninfo()) as superuser:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert superuser.execute(f"show {setting}").fetchone() == ("on",), setting


async def test_nobody_enters_valkey_without_a_password(folder: Folder) -> None:
    """A wrong password is not mistaken for a server that is not there yet."""
    port = ports.choose(("valkey",), kept={}, given={})["valkey"]
    valkey = Valkey(folder, port)
    async with _running(folder, valkey):
        assert await valkey.ready()
        valkey.password_file.write_text("wrong")
        assert not await valkey.ready()
        config = folder.data("valkey") / "valkey.conf"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
