"""A scratch PostgreSQL for one benchmark, made with the parts of the local stack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from services.chassis.config import SecretFile
from services.chassis.postgres import PostgresSettings, open_pool
from tools.up.database import DATABASE, Database
from tools.up.folder import Folder
from tools.up.ports import LOOPBACK, choose
from tools.up.postgres import NAME, Postgres
from tools.up.processes import Child

_POLL_S = 0.05


@asynccontextmanager
async def scratch_pool(root: Path, service: str) -> AsyncIterator[asyncpg.Pool]:
    """Yield a pool of ``service``'s own role on a new, migrated database; its server ends with the block."""
    async with scratch_database(root, service) as settings, open_pool(settings) as pool:
        yield pool


@asynccontextmanager
async def scratch_database(root: Path, service: str) -> AsyncIterator[PostgresSettings]:
    """Yield where a new, migrated database is and how ``service`` enters it; its server ends with the block."""
    folder = Folder(root=root)
    folder.create()
    port = choose((NAME,), kept={}, given={})[NAME]
    server = Postgres(folder, port)
    await server.prepare()
    child = await Child.start(server.command(), folder.log(server.name))
    try:
        await _until_ready(server)
        await Database(folder, server, port).settle()
        yield _settings(folder, port, service)
    finally:
        await child.stop()


async def _until_ready(server: Postgres) -> None:
    while not await server.ready():  # noqa: ASYNC110 - another process gets ready; it sets no event here
        await asyncio.sleep(_POLL_S)


def _settings(folder: Folder, port: int, service: str) -> PostgresSettings:
    return PostgresSettings(
        host=LOOPBACK,
        port=port,
        database=DATABASE,
        user=service,
        password_file=SecretFile(folder.secret(f"postgres-{service}")),
        schema=service,
    )
