"""What is open, from PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import datetime

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.core.obligation import Obligation

OVERDUE = "select tenant, intent, decision_id, opened_at from overdue($1, $2, $3::text[])"
"""Asks the owner's function: it alone sees what is open of every tenant."""


class PostgresObligations:
    """Reads the list that the writer keeps."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def overdue(self, before: datetime, limit: int, but: Collection[str]) -> Sequence[Obligation]:
        """Return the oldest intents that were recorded before this time and have no outcome, but for some tenants'."""
        with guarded():
            return [Obligation(**row) for row in await self._pool.fetch(OVERDUE, before, limit, list(but))]
