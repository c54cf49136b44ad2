"""Review packets in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from services.chassis.postgres import guarded
from services.evaluator.ports import Packet

_OPEN = """
insert into reviews (
    review_id, tenant, decision_id, domain, severity_0_3, triggers, verdict, audit_hash, document, subject_id,
    requester_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::json, $10, $11)
on conflict (review_id) do nothing
"""

_ERASE = """
update reviews set document = '{}', subject_id = '', requester_id = '', erased_at = now()
where tenant = $1 and erased_at is null and (subject_id = $2 or requester_id = $2 or decision_id = any($3::text[]))
returning review_id
"""


class PostgresReviews:
    """Stores each packet in one statement."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def open(self, packet: Packet) -> None:
        """Store a packet durably; a packet that is already there stays as it is.

        Raises:
            WorldError: STORE_UNAVAILABLE or WRITE_CONFLICT.
        """
        with guarded():
            await self._pool.execute(
                _OPEN,
                packet.review_id,
                packet.tenant,
                packet.decision_id,
                packet.domain,
                packet.severity_0_3,
                list(packet.triggers),
                packet.verdict,
                packet.audit_hash,
                packet.document,
                packet.subject_id,
                packet.requester_id,
            )

    async def erase(self, tenant: str, subject_id: str, decision_ids: Sequence[str]) -> int:
        """Blank the packets about a person, or that the person asked for, or on these decisions; return how many.

        Raises:
            WorldError: STORE_UNAVAILABLE or WRITE_CONFLICT.
        """
        with guarded():
            return len(await self._pool.fetch(_ERASE, tenant, subject_id, decision_ids))

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            WorldError: STORE_UNAVAILABLE.
        """
        with guarded():
            await self._pool.execute("select 1")
