"""Refuse a database that acknowledges what a power cut would lose."""

from asyncpg import Pool

from services.chassis.postgres import guarded

SETTINGS = """
select name, setting from pg_settings
where name in ('fsync', 'full_page_writes') and setting <> 'on'
   or name = 'synchronous_commit' and setting not in ('on', 'remote_apply')"""


class NotDurableError(Exception):
    """The server runs with a setting that makes COMMIT a promise it cannot keep."""


async def check_durable(pool: Pool) -> None:
    """Return if a COMMIT of this server survives a crash of its machine.

    Raises:
        NotDurableError: `fsync` or `full_page_writes` is off, or `synchronous_commit` is below `on`.
        WorldError: STORE_UNAVAILABLE.
    """
    with guarded():
        rows = await pool.fetch(SETTINGS)
    if rows:
        wrong = ", ".join(f"{row['name']} = {row['setting']}" for row in rows)
        raise NotDurableError(f"PostgreSQL runs with {wrong}; evidence needs a COMMIT that survives a crash")
