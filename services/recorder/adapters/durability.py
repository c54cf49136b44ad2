"""Refuse a database that acknowledges what a power cut would lose."""

from asyncpg import Pool

from services.chassis.postgres import guarded

SETTINGS = "select name, setting from pg_settings where name in ('fsync', 'full_page_writes') and setting <> 'on'"


class NotDurableError(Exception):
    """The server runs with a setting that makes COMMIT a promise it cannot keep."""


async def check_durable(pool: Pool) -> None:
    """Return if a COMMIT of this server survives a crash of its machine.

    Raises:
        NotDurableError: `fsync` or `full_page_writes` is off.
        WorldError: STORE_UNAVAILABLE.
    """
    with guarded():
        rows = await pool.fetch(SETTINGS)
    if rows:
        names = ", ".join(row["name"] for row in rows)
        raise NotDurableError(f"PostgreSQL runs with {names} off; evidence needs a COMMIT that survives a crash")
