"""The tables of bodies, one a log."""

from collections.abc import Sequence

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.core.retention import Kept

KEPT = "select log, origin, tenant, size from kept_logs()"
"""Asks the owner's function: it alone sees the logs of every tenant."""


class PostgresShelf:
    """Drops what the owner's function lets go."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def kept(self) -> Sequence[Kept]:
        """Return the logs that are closed and still have their bodies."""
        with guarded():
            return [Kept(**row) for row in await self._pool.fetch(KEPT)]

    async def drop(self, log: int) -> None:
        """Drop the bodies of a closed log."""
        with guarded():
            await self._pool.execute("select drop_bodies($1)", log)
