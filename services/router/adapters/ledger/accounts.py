"""The Accounts port on PostgreSQL."""

from dataclasses import dataclass
from datetime import date

import asyncpg

from services.chassis.postgres import guarded
from services.router.core.spend.statement import Balance, ModelSpend, Statement

MOST_USERS = 1000

_TENANT = """
select spent_micro_usd, held_micro_usd, requests from budget where tenant = $1 and day = $2 and scope = 'tenant'
"""
_USERS = """
select subject, spent_micro_usd, held_micro_usd, requests from budget
where tenant = $1 and day = $2 and scope = 'user' and ($3::text is null or subject = $3)
order by spent_micro_usd desc, subject limit $4
"""
_MODELS = """
select provider, model, count(*) as attempts, sum(input_tokens::bigint)::bigint as input_tokens,
       sum(output_tokens::bigint)::bigint as output_tokens, bool_or(estimated) as estimated,
       sum(micro_usd)::bigint as micro_usd
from spend where tenant = $1 and day = $2
group by provider, model order by micro_usd desc, provider, model
"""


@dataclass(frozen=True, kw_only=True)
class PostgresAccounts:
    """Reads counters and ledger at one moment, so that the parts add up to the whole."""

    pool: asyncpg.Pool

    async def statement(self, tenant: str, day: date, subject: str | None) -> Statement:
        """Return the tenant's day, with every user or only ``subject``."""
        with guarded():
            async with (
                self.pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                whole = await connection.fetchrow(_TENANT, tenant, day)
                users = await connection.fetch(_USERS, tenant, day, subject, MOST_USERS)
                models = await connection.fetch(_MODELS, tenant, day)
        return Statement(
            day=day,
            tenant=Balance(**whole) if whole else Balance(),
            users=tuple(Balance(**user) for user in users),
            models=tuple(ModelSpend(**model) for model in models),
        )
