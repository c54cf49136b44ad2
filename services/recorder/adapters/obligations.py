"""What is open, from PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.core.obligation import Obligation

OVERDUE = """
select o.tenant, o.ik as intent, e.decision_id, o.opened_at
from obligation o join ev e using (log, seq) where o.opened_at < $1 order by o.opened_at limit $2"""


class PostgresObligations:
    """Reads the list that the writer keeps."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def overdue(self, before: datetime, limit: int) -> Sequence[Obligation]:
        """Return the oldest intents that were recorded before this time and have no outcome."""
        with guarded():
            return [Obligation(**row) for row in await self._pool.fetch(OVERDUE, before, limit)]
