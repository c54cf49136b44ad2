"""What is known of a user's answers, in PostgreSQL: two small numbers a user, changed in one statement."""

from dataclasses import dataclass

import asyncpg

from services.chassis import call
from services.chassis.postgres import guarded
from services.router.core.history import MEMORY, success_rate

# Half of what is known is forgotten when the memory is full, so that what came lately counts more.
_REPORT = """
insert into user_history as known (tenant, subject, good, answers) values ($1, $2, $3, 1)
on conflict (tenant, subject) do update set
    good = excluded.good + case when known.answers >= $4 then known.good / 2 else known.good end,
    answers = 1 + case when known.answers >= $4 then known.answers / 2 else known.answers end
"""
_FORGET = "delete from user_history where tenant = $1 and subject = $2 returning 1"
_READ = "select good, answers from user_history where tenant = $1 and subject = $2"


@dataclass(frozen=True, kw_only=True)
class PostgresHistory:
    """Implements the History port for the tenant and user of the current call."""

    pool: asyncpg.Pool

    async def report(self, *, good: bool) -> None:
        """Count one more answer."""
        with guarded():
            await self.pool.execute(_REPORT, call.tenant(), call.current().principal.subject, int(good), MEMORY)

    async def success_rate(self) -> float | None:
        """Return the share of good answers; None where too few are known."""
        with guarded():
            row = await self.pool.fetchrow(_READ, call.tenant(), call.current().principal.subject)
        return success_rate(good=row["good"], answers=row["answers"]) if row else None

    async def forget(self, subject: str) -> int:
        """Forget a user of the current call's tenant."""
        with guarded():
            return len(await self.pool.fetch(_FORGET, call.tenant(), subject))
