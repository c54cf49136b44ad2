"""The spend ledger in PostgreSQL: one row for each try, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.chassis import call
from services.chassis.postgres import guarded
from services.router.core.account import Attempt

# Repeating the insert of a call is harmless: its rows are there already.
_INSERT = """
insert into spend (call_id, attempt, tenant, subject, decision_id, provider, model, outcome, reason,
                   input_tokens, output_tokens, estimated, micro_usd, started_at, duration)
select $1, t.attempt, $2, $3, $4, t.provider, t.model, t.outcome, t.reason,
       t.input_tokens, t.output_tokens, t.estimated, t.micro_usd, t.started_at, t.duration
from unnest($5::int[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::int[], $11::int[], $12::boolean[], $13::bigint[], $14::timestamptz[], $15::interval[])
     as t (attempt, provider, model, outcome, reason,
           input_tokens, output_tokens, estimated, micro_usd, started_at, duration)
on conflict (call_id, attempt) do nothing
"""


@dataclass(frozen=True, kw_only=True)
class PostgresLedger:
    """Implements the Ledger port."""

    pool: asyncpg.Pool

    async def record(self, call_id: str, decision_id: str, attempts: Sequence[Attempt]) -> None:
        """Write one row for each try of the tenant's call."""
        tenant, subject = call.tenant(), call.current().principal.subject
        rows = [_row(number, attempt) for number, attempt in enumerate(attempts, start=1)]
        columns = [list(column) for column in zip(*rows, strict=True)]
        with guarded():
            await self.pool.execute(_INSERT, call_id, tenant, subject, decision_id, *columns)


def _row(number: int, attempt: Attempt) -> tuple[object, ...]:
    return (
        number,
        attempt.model.provider,
        attempt.model.name,
        attempt.outcome.value,
        attempt.reason,
        attempt.usage.input_tokens,
        attempt.usage.output_tokens,
        attempt.usage.estimated,
        attempt.micro_usd,
        attempt.started_at,
        attempt.duration,
    )
