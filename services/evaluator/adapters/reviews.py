"""Review packets in PostgreSQL."""

import asyncpg

from services.chassis.postgres import guarded
from services.evaluator.ports import Packet

_OPEN = """
insert into reviews (review_id, tenant, decision_id, domain, severity_0_3, triggers, verdict, audit_hash, document)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::json)
on conflict (review_id) do nothing
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
            )

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            WorldError: STORE_UNAVAILABLE.
        """
        with guarded():
            await self._pool.execute("select 1")
