"""Erasures on their way, and the decisions they blank, in PostgreSQL (schema ``engine``)."""

import json
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from services.chassis.postgres import guarded
from services.engine.core.decision import Evidence
from services.engine.core.erasure import Confirmation, Erasure

LEASE_S = 15.0
"""Seconds for which an erasure belongs to the process that took it."""
PAUSE_S = 1.0
"""Seconds after which one that is not complete is looked at again."""
BATCH = 20
_COLUMNS = (
    "tenant, erasure_id, subject_id, legal_basis, requested_at, origin, index, leaf, confirmed, decision_ids, done_at"
)
_NOTE = """
insert into erasure (tenant, erasure_id, subject_id, legal_basis, due_at)
values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5)) on conflict (tenant, erasure_id) do nothing
"""
_GET = f"select {_COLUMNS} from erasure where tenant = $1 and erasure_id = $2"  # noqa: S608 - constants
_DUE = f"""
update erasure set due_at = clock_timestamp() + make_interval(secs => $2)
where (tenant, erasure_id) in (
    select tenant, erasure_id from erasure where done_at is null and due_at <= clock_timestamp()
    order by due_at limit $1 for update skip locked)
returning {_COLUMNS}"""  # noqa: S608 - constants
_OPEN = "select count(*) from erasure where done_at is null"
# Counts of the first and the second time add up; the time is that of the last.
_CONFIRMED = """
    confirmed = confirmed || jsonb_build_object($3::text, jsonb_build_object(
        'at', now(), 'count', coalesce((confirmed -> $3 ->> 'count')::bigint, 0) + {count}))
"""
_CONFIRM = f"""
update erasure set
    origin = case when origin = '' then $5 else origin end,
    index = case when origin = '' then $6 else index end,
    leaf = case when origin = '' then $7 else leaf end,
    {_CONFIRMED.format(count="$4")}
where tenant = $1 and erasure_id = $2 and done_at is null"""  # noqa: S608 - constants
_BLANK = f"""
with gone as (
    update decision set body = '', question_digest = '', subject_id = '', requester_id = '', erased_at = now()
    where tenant = $1 and $5 <> '' and (subject_id = $5 or requester_id = $5) returning decision_id
), nameless as (
    update outbox set subject = '' where tenant = $1 and subject = $5 and $5 <> ''
), told as (select coalesce(array_agg(decision_id), '{{}}') as ids, count(*) as count from gone)
update erasure set
    decision_ids = decision_ids || told.ids,
    {_CONFIRMED.format(count="$4 + told.count")}
from told where tenant = $1 and erasure_id = $2 and done_at is null"""  # noqa: S608 - constants
_RELEASE = """
update erasure set due_at = clock_timestamp() + make_interval(secs => $3) where tenant = $1 and erasure_id = $2
"""
_COMPLETE = """
update erasure set done_at = now(), subject_id = '', decision_ids = '{}'
where tenant = $1 and erasure_id = $2 and done_at is null
"""


class PostgresErasures:
    """Implements the Erasures port; a decision is blanked in the transaction that notes it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def note(self, tenant: str, identity: str, subject_id: str, legal_basis: str) -> Erasure:
        """Return the erasure of this id, noted durably now or before."""
        with guarded():
            await self._pool.execute(_NOTE, tenant, identity, subject_id, legal_basis, LEASE_S)
            (row,) = await self._pool.fetch(_GET, tenant, identity)
        return _erasure(row)

    async def get(self, tenant: str, identity: str) -> Erasure | None:
        """Return an erasure, or None."""
        with guarded():
            row = await self._pool.fetchrow(_GET, tenant, identity)
        return None if row is None else _erasure(row)

    async def due(self) -> Sequence[Erasure]:
        """Take the erasures that are to be gone on with."""
        with guarded():
            return [_erasure(row) for row in await self._pool.fetch(_DUE, BATCH, LEASE_S)]

    async def count_open(self) -> int:
        """Return how many are not complete."""
        with guarded():
            count: int = await self._pool.fetchval(_OPEN)
        return count

    async def confirm(self, erasure: Erasure, owner: str, count: int, evidence: Evidence | None) -> None:
        """Note that an owner has nothing readable any more."""
        place = (evidence.origin, evidence.index, evidence.leaf_hash) if evidence else ("", 0, b"")
        with guarded():
            await self._pool.execute(_CONFIRM, erasure.tenant, erasure.erasure_id, owner, count, *place)

    async def blank_decisions(self, erasure: Erasure, owner: str, more: int) -> None:
        """Blank the decisions about the person and confirm it."""
        identity = (erasure.tenant, erasure.erasure_id)
        with guarded():
            await self._pool.execute(_BLANK, *identity, owner, more, erasure.subject_id)

    async def release(self, erasure: Erasure) -> None:
        """Let it be gone on with in a moment."""
        with guarded():
            await self._pool.execute(_RELEASE, erasure.tenant, erasure.erasure_id, PAUSE_S)

    async def complete(self, erasure: Erasure) -> None:
        """Note that it is over, and forget whom it was about."""
        with guarded():
            await self._pool.execute(_COMPLETE, erasure.tenant, erasure.erasure_id)


def _erasure(row: asyncpg.Record) -> Erasure:
    place = Evidence(origin=row["origin"], index=row["index"], leaf_hash=row["leaf"]) if row["origin"] else None
    return Erasure(
        erasure_id=row["erasure_id"],
        tenant=row["tenant"],
        subject_id=row["subject_id"],
        legal_basis=row["legal_basis"],
        requested_at=row["requested_at"],
        evidence=place,
        confirmed={
            owner: Confirmation(at=datetime.fromisoformat(told["at"]), count=told["count"])
            for owner, told in json.loads(row["confirmed"]).items()
        },
        decision_ids=tuple(row["decision_ids"]),
        done_at=row["done_at"],
    )
