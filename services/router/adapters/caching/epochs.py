"""Epochs in PostgreSQL: the truth about what was invalidated."""

from dataclasses import dataclass

import asyncpg

from services.chassis.postgres import guarded
from services.router.core.caching.epoch import Marks, Scope
from services.router.core.request import Domain, Task

_READ = "select domain, task, epoch from cache_marks where tenant = $1"
# The tenant's counter is locked until the mark is written, so that of two invalidations the later has the higher epoch
# also for whoever reads in between.
_ADVANCE = """
    with next as (
        insert into cache_epochs (tenant, epoch) values ($1, 1)
        on conflict (tenant) do update set epoch = cache_epochs.epoch + 1
        returning epoch
    )
    insert into cache_marks (tenant, domain, task, epoch, marked_at)
    select $1, $2, $3, epoch, now() from next
    on conflict (tenant, domain, task) do update set epoch = excluded.epoch, marked_at = excluded.marked_at
    returning epoch
"""


@dataclass(frozen=True, kw_only=True)
class PostgresEpochs:
    """Implements the EpochStore port."""

    pool: asyncpg.Pool

    async def read(self, tenant: str) -> Marks:
        """Return every mark of ``tenant``."""
        with guarded():
            rows = await self.pool.fetch(_READ, tenant)
        return {_scope(row["domain"], row["task"]): row["epoch"] for row in rows}

    async def advance(self, tenant: str, scope: Scope) -> int:
        """Mark ``scope`` and return the new epoch."""
        with guarded():
            epoch: int = await self.pool.fetchval(_ADVANCE, tenant, scope.domain or "", scope.task or "")
        return epoch


def _scope(domain: str, task: str) -> Scope:
    return Scope(domain=Domain(domain) if domain else None, task=Task(task) if task else None)
