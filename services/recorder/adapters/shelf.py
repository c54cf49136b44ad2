"""The tables of bodies, one a log."""

from collections.abc import Sequence

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.core.retention import Kept

KEPT = """
select old.log, old.origin, old.tenant, old.size from head old
where to_regclass(format('ev_body_%s', old.log)) is not null
  and exists (select from head new where new.tenant = old.tenant and new.log > old.log
    and (split_part(new.origin, '/', 5) = '') = (split_part(old.origin, '/', 5) = ''))
order by old.log"""


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
