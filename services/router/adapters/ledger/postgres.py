"""The Ledger port on PostgreSQL.

Both commits of a call wait for the disk (``synchronous_commit`` stays on, and why is in docs/routing/spend.md): nothing
is spent that a crash could forget to be held.
"""

import json
from collections.abc import Sequence

import asyncpg

from services.chassis.errors import WorldError
from services.chassis.postgres import guarded
from services.router.adapters.ledger import rows
from services.router.adapters.ledger.batch import Batches, Json
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.reservation import Grant, Reservation
from services.router.core.spend.settlement import Hold, Settlement

LEASE_S = 30.0
"""Seconds for which an overdue hold belongs to the replica that took it."""

# The letters lie in the outbox exactly when the tries they tell of are booked.
_BOOK = """
with written as (
    insert into outbox (letter_id, tenant, body)
    select l.letter_id, i.item ->> 'tenant', decode(l.body, 'base64')
    from jsonb_array_elements($1::jsonb) as i (item),
         jsonb_to_recordset(coalesce(i.item -> 'letters', '[]')) as l (letter_id text, body text)
    on conflict (letter_id) do nothing
)
select * from book($1::jsonb)
"""
_OVERDUE = """
update hold set claimed_until = clock_timestamp() + make_interval(secs => $2)
where call_id in (
    select call_id from hold
    where expires_at < clock_timestamp() and claimed_until < clock_timestamp()
    order by expires_at limit $1
    for update skip locked)
returning call_id, tenant, subject, decision_id, day, tries, started_at, clock_timestamp() - expires_at as overdue
"""


class PostgresLedger:
    """Implements the Ledger port; reservations and settlements that come together share a transaction.

    Args:
        pool: Connections of the service's own schema.
        testify: Makes the letters that tell of booked tries; None tells nobody.
    """

    def __init__(self, pool: asyncpg.Pool, *, testify: rows.Testify | None = None) -> None:
        self._pool = pool
        self._testify = testify
        self._batches = Batches(self._book)

    async def reserve(self, reservation: Reservation) -> Grant | Refusal:
        """Set aside what fits."""
        return rows.to_answer(await self._batches.put(rows.of_reservation(reservation)))

    async def settle(self, settlement: Settlement) -> None:
        """Book tries and release what they had held."""
        await self._batches.put(rows.of_settlement(settlement, self._testify))

    async def overdue(self, most: int) -> Sequence[Hold]:
        """Take holds whose calls must be over."""
        with guarded():
            taken = await self._pool.fetch(_OVERDUE, most, LEASE_S)
        return [rows.to_hold(row) for row in taken]

    async def _book(self, items: Sequence[Json]) -> Sequence[Json]:
        """Write ``items`` in one transaction.

        Where the connection was lost they are written once more: whatever the first time did, the second repeats
        nothing, since a call has one hold and a try one row. The pool's other connections are as old as the lost one.
        """
        text = json.dumps(items)
        try:
            return await self._write(text)
        except WorldError:
            await self._pool.expire_connections()
            return await self._write(text)

    async def _write(self, text: str) -> Sequence[Json]:
        with guarded():
            return [json.loads(row[0]) for row in await self._pool.fetch(_BOOK, text)]
