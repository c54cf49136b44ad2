"""Destroy the keys of one person and append the records that say so, in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from asyncpg import Pool

from services.chassis.postgres import guarded
from services.chassis.rows import rows_of
from services.recorder.adapters.writer import Connection, cut_off, find, insert, lock, storing
from services.recorder.core.batch import Entry
from services.recorder.core.custody import Tombstone
from services.recorder.core.envelope import attributes
from services.recorder.core.erasure import COUNT
from services.recorder.ports import Erased

# A body that names a key is unreadable without it; one that is older than keys must be emptied itself.
AFFECTED = """
select b.log, b.seq from dek k join ev_body b on b.dek = k.id and b.personal and b.log = any($3::bigint[])
where (k.subject = any($1::bytea[]) or k.requester = any($1)) and k.wrapped is not null
union all
select log, seq from ev_body where log = any($3::bigint[]) and subject_id = $2 and subject_id <> '' and dek is null
order by 1, 2"""
EMPTY = """
update ev_body set sealed = '', subject_id = ''
where log = any($1::bigint[]) and subject_id = $2 and subject_id <> '' and dek is null"""
DESTROY = """
update dek set wrapped = null, subject = null, requester = null, destroyed_at = now(), erased_log = $2, erased_seq = $3
where (subject = any($1::bytea[]) or requester = any($1)) and wrapped is not null"""
# By every tag, so that a record needs to be looked up by one of them alone.
BURY = """
insert into tombstone (tag, tenant, erased_at, reference) select tag, $2, $3, $4 from unnest($1::bytea[]) as tag
on conflict (tag) do update set
    erased_at = greatest(tombstone.erased_at, excluded.erased_at), reference = excluded.reference"""

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
        tombstone: Tombstone,
        repeat_key: str,
        origin: str,
        describe: Describe,
    ) -> Erased:
        """Destroy the keys of one person, remember that they were, and append the records of it.

        Raises:
            WorldError: STORE_UNAVAILABLE, WRITE_CONFLICT; repeat the call.
            StaleKeysError: the tenant's key was destroyed meanwhile; nothing is written.
            StoreFullError: there is no room; nothing is destroyed.
        """
        with guarded(), storing(), rows_of(tenant):
            async with (
                self._pool.acquire() as connection,
                cut_off(connection, self._timeout_s),
                connection.transaction(),
            ):
                heads = await lock(connection, tenant, origin)
                origins = {head["log"]: origin for origin, head in heads.items()}
                earlier = await find(connection, heads, [repeat_key])
                if earlier:
                    (first,) = earlier.values()
                    return Erased(count=int(attributes(first.envelope)[COUNT]), position=first)
                await connection.execute(BURY, tags, tenant, tombstone.erased_at, tombstone.reference)
                affected = await _affected(connection, origins, tags, subject_id)
                if not affected:
                    await connection.execute(DESTROY, tags, None, None)  # a key that seals nothing yet
                    return Erased(count=0, position=None)
                first = (await insert(connection, heads, origin, describe(affected)))[repeat_key]
                await connection.execute(DESTROY, tags, heads[origin]["log"], first.index)
                await connection.execute(EMPTY, list(origins), subject_id)
                return Erased(count=sum(map(len, affected.values())), position=first)


async def _affected(
    connection: Connection, origins: Mapping[int, str], tags: Collection[bytes], subject_id: str
) -> dict[str, list[int]]:
    """Return the records whose body will be unreadable: indexes by log."""
    found = defaultdict[str, list[int]](list)
    for row in await connection.fetch(AFFECTED, tags, subject_id, list(origins)):
        found[origins[row["log"]]].append(row["seq"])
    return dict(found)
