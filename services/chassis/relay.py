"""A transactional outbox: a service with a database writes what another must learn into its own transaction.

The row is there exactly when the change is. `Relay.run` hands rows over and deletes each after it was acknowledged, so
that a crash in between repeats a row and never loses one; rows carry what makes a repetition harmless.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from asyncpg import Pool, Record

from services.chassis.errors import CallerError, MeshError, WorldError
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.chassis.postgres import guarded
from services.chassis.spool.frames import Item
from services.chassis.spool.spool import Deliver

TABLE = """
create table {schema}.outbox (
    id      bigint generated always as identity primary key,
    tenant  text   not null,
    body    bytea  not null,
    refused text
);
create index outbox_waiting on {schema}.outbox (id) where refused is null;
grant select, insert, delete on {schema}.outbox to {schema};
grant update (refused) on {schema}.outbox to {schema};
"""
"""What a migration creates; ``schema`` is the service's, and the name of its role."""
TOGETHER = 50
IDLE_S = 1.0
"""Seconds after which a relay looks even if nobody woke it: another process may have written a row."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

# Relays of several processes share the work: a row that one has in hand is skipped by the others.
_TAKE = """
select id, tenant, body from outbox where refused is null order by id limit $1 for update skip locked"""
_DELETE = "delete from outbox where id = any($1::bigint[])"
_REFUSE = """
update outbox set refused = r.reason from unnest($1::bigint[], $2::text[]) as r (id, reason) where outbox.id = r.id"""
_ADD = "insert into outbox (tenant, body) values ($1, $2)"

_log = get_logger("relay")
_refused = counter("magistrate_relay_refused_total", "Rows that the other service will never take; they stay, marked")


class Connection(Protocol):
    """The connection whose transaction the row belongs to."""

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement."""
        ...


class Relay:
    """Carries the rows of ``outbox`` in the service's own schema."""

    def __init__(self, pool: Pool, deliver: Deliver) -> None:
        self._pool, self._deliver = pool, deliver
        self._woken = asyncio.Event()

    async def add(self, connection: Connection, item: Item) -> None:
        """Write ``item`` in the transaction that runs on ``connection``; call `wake` after its commit."""
        await connection.execute(_ADD, item.tenant, item.body)

    def wake(self) -> None:
        """Say that a row was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Hand rows over for ever; while the database or the other service is away, ever more seldom."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                more = await self.carry()
            except WorldError as error:
                _log.warning("relay_waits", reason=error.reason)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            if not more:
                await self._rest()

    async def carry(self) -> bool:
        """Hand over the oldest rows; return whether there may be more.

        Raises:
            WorldError: the database or the other service is away; what was acknowledged until then is deleted.
        """
        with guarded():
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(_TAKE, TOGETHER)
                rows = [row for row in rows if row["tenant"] == rows[0]["tenant"]]
                outcomes = await self._outcomes(rows)
                done = [row["id"] for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
                bad = [(r["id"], o.reason) for r, o in zip(rows, outcomes, strict=True) if isinstance(o, CallerError)]
                await connection.execute(_DELETE, done)
                if bad:
                    _log.error("relay_rows_refused", count=len(bad))
                    _refused.inc(len(bad))
                    await connection.execute(_REFUSE, [id_ for id_, _ in bad], [reason for _, reason in bad])
        for outcome in outcomes:
            if isinstance(outcome, WorldError):
                raise outcome
        return bool(rows)

    async def _outcomes(self, rows: Sequence[Record]) -> Sequence[MeshError | None]:
        if not rows:
            return ()
        try:
            return await self._deliver([Item(tenant=row["tenant"], body=row["body"]) for row in rows])
        except MeshError as error:
            return [error] * len(rows)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(IDLE_S):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()
