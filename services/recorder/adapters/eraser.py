"""Destroy the keys of one person and append the records that say so, in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.recorder.adapters.writer import Connection, cut_off, find, insert, lock, storing
from services.recorder.core.batch import Entry
from services.recorder.core.envelope import attributes
from services.recorder.core.erasure import COUNT
from services.recorder.ports import Erased

# A body that names a key is unreadable without it; one that is older than keys must be emptied itself.
AFFECTED = """
select h.origin, b.seq from dek k join ev_body b on b.dek = k.id and b.personal join head h on h.log = b.log
where k.subject = any($1::bytea[]) and k.wrapped is not null
union all
select h.origin, b.seq from ev_body b join head h on h.log = b.log
where b.subject_id = $2 and b.subject_id <> '' and b.dek is null and h.tenant = $3
order by 1, 2"""
EMPTY = """
update ev_body b set sealed = '', subject_id = '' from head h
where h.log = b.log and h.tenant = $1 and b.subject_id = $2 and b.subject_id <> '' and b.dek is null"""
DESTROY = """
update dek set wrapped = null, subject = null, destroyed_at = now(), erased_log = $2, erased_seq = $3
where subject = any($1::bytea[]) and wrapped is not null"""

Describe = Callable[[Mapping[str, Sequence[int]]], Sequence[Entry]]


class PostgresEraser:
    """Erases; safe beside any number of writers, because all take turns on the tenant's logs."""

    def __init__(self, pool: Pool, *, timeout_s: float) -> None:
        self._pool, self._timeout_s = pool, timeout_s

    async def erase(
        self,
        tenant: str,
        *,
        tags: Collection[bytes],
        subject_id: str,
        repeat_key: str,
        origin: str,
        describe: Describe,
    ) -> Erased:
        """Destroy the keys of one person and append the records of it.

        Raises:
            WorldError: STORE_UNAVAILABLE, WRITE_CONFLICT; repeat the call.
            StaleKeysError: the tenant's key was destroyed meanwhile; nothing is written.
            StoreFullError: there is no room; nothing is destroyed.
        """
        with guarded(), storing():
            async with (
                self._pool.acquire() as connection,
                cut_off(connection, self._timeout_s),
                connection.transaction(),
            ):
                head = (await lock(connection, tenant, origin))[origin]
                earlier = await find(connection, tenant, [repeat_key])
                if earlier:
                    (first,) = earlier.values()
                    return Erased(count=int(attributes(first.envelope)[COUNT]), position=first)
                affected = await _affected(connection, tenant, tags, subject_id)
                if not affected:
                    await connection.execute(DESTROY, tags, None, None)  # a key that seals nothing yet
                    return Erased(count=0, position=None)
                written = await insert(connection, head, describe(affected))
                first = written[repeat_key]
                await connection.execute(DESTROY, tags, head["log"], first.index)
                await connection.execute(EMPTY, tenant, subject_id)
                return Erased(count=sum(map(len, affected.values())), position=first)


async def _affected(
    connection: Connection, tenant: str, tags: Collection[bytes], subject_id: str
) -> dict[str, list[int]]:
    """Return the records whose body will be unreadable: indexes by log."""
    found = defaultdict[str, list[int]](list)
    for row in await connection.fetch(AFFECTED, tags, subject_id, tenant):
        found[row["origin"]].append(row["seq"])
    return dict(found)
