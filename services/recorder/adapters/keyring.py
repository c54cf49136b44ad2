"""The tenants' keys in PostgreSQL: each data key wrapped by a tenant key, each tenant key by the body key file."""

import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import asyncpg
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.chassis.errors import Kind, WorldError
from services.chassis.postgres import guarded
from services.chassis.rows import rows_of
from services.recorder.adapters.keys import NONCE_BYTES, AesSeal
from services.recorder.core.custody import KEY_BYTES, KEY_ID_BYTES, Body, BodyState, DataKey, Tombstone, WrappedKey

REMEMBERED = 4096
"""Keys of people that are kept at hand for writing; any other is read when it is needed."""
REWRAPPED_AT_ONCE = 500
_CLOCK_BYTES = 6

NEWEST = """
select id, version, master, wrapped from tenant_key where tenant = $1 and wrapped is not null
order by version desc limit 1"""
BY_ID = "select id, version, master, wrapped, tenant from tenant_key where id = $1"
ADD = """
insert into tenant_key (tenant, version, master, wrapped) values ($1, $2, $3, $4)
on conflict (tenant, version) do nothing"""
OF_PERSONS = """
select id, tenant_key, wrapped, subject, coalesce(requester, '') as requester from dek
where subject = any($1::bytea[]) and wrapped is not null
  and case when $2::bytea[] = '{}' then requester is null else requester = any($2) end limit 1"""
TOMBSTONE = """
select erased_at, reference from tombstone where tag = any($1::bytea[]) order by erased_at desc limit 1"""
INDEX_KEYS = "select id, master, wrapped from index_key"
KEEP_INDEX_KEY = """
insert into index_key (id, master, wrapped) values ($1, $2, $3)
on conflict (id) do update set master = excluded.master, wrapped = excluded.wrapped"""
KEYS = "select id, version, wrapped is not null as live from tenant_key where tenant = $1"
HAS_LOG = "select exists (select from head where tenant = $1)"
LOCK = "select log from head where tenant = $1 order by log for update"
PAGE = """
select id, wrapped from dek where tenant_key = $1 and wrapped is not null and id > $2 order by id limit $3 for update"""
REWRAP = """
update dek set wrapped = new.wrapped, tenant_key = $1
from unnest($2::bytea[], $3::bytea[]) as new (id, wrapped) where dek.id = new.id"""
DESTROY = "update tenant_key set wrapped = null, destroyed_at = now() where id = $1"


class PostgresKeyring:
    """Draws, opens and rotates keys. What a process remembers is checked again by every write (StaleKeysError)."""

    def __init__(
        self, pool: Pool, seal: AesSeal, *, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._pool, self._seal, self._random_bytes = pool, seal, random_bytes
        self._newest = dict[str, tuple[int, int]]()
        self._ciphers = dict[int, AESGCM]()
        self._people = OrderedDict[tuple[str, tuple[str, ...]], DataKey]()
        self._indexed = False

    async def draw(self, tenant: str, persons: Sequence[str]) -> DataKey:
        """Return the key for content of these persons, at most two; always a new one where it is nobody's."""
        place = tenant, tuple(persons)
        if known := self._people.get(place):
            return known
        tenant_key = self._newest.get(tenant) or await self._tenant_key(tenant)
        if not persons:
            return self._fresh(tenant_key[0])
        tags = [await self.tags(tenant, person) for person in persons]
        key = await self._of_persons(tags) or self._fresh(tenant_key[0], *(each[0] for each in tags))
        key = replace(key, erased=await self._erased(tags))
        # Another draw for them may have been faster while this one asked the store.
        key = self._people.setdefault(place, key)
        if len(self._people) > REMEMBERED:
            self._people.popitem(last=False)
        return key

    def close(self, key: DataKey, plaintext: bytes, context: bytes) -> bytes:
        """Return the sealed form of ``plaintext``: nonce || ciphertext || tag, as AES-256-GCM makes them."""
        nonce = self._random_bytes(NONCE_BYTES)
        return nonce + AESGCM(key.secret).encrypt(nonce, plaintext, context)

    async def open(self, body: Body, context: bytes) -> bytes | None:
        """Return the plaintext; None where the body or its key is no more.

        Raises:
            WorldError: INTERNAL RECORD_DAMAGED, it was altered, belongs elsewhere, or the key file does not have its
                key; STORE_UNAVAILABLE.
        """
        if body.state is not BodyState.PRESENT or body.sealed is None:
            return None
        if body.key is None:
            return self._seal.open(body.sealed, context)
        return opened(body.sealed, await self._secret(body.key), context)

    async def tags(self, tenant: str, person: str) -> Sequence[bytes]:
        """Return what a person's keys are found by, the newest first."""
        await self._index()
        return self._seal.tags(tenant, person)

    def forget(self, tenant: str) -> None:
        """Read the tenant's keys anew from now on."""
        self._newest.pop(tenant, None)
        for person in [person for person in self._people if person[0] == tenant]:
            del self._people[person]

    async def rotate(self, tenant: str) -> tuple[int, int]:
        """Give the tenant a new key; return its version and how many data keys it wraps anew.

        Whatever is wrapped anew is so while the tenant's logs are held: nothing can be sealed with a key that is being
        destroyed, or wrapped by one. They are let go after each page, so that records are written meanwhile; what other
        processes, which still remember the old key, have sealed since is wrapped last. A tenant without a log has
        nothing sealed; its key stays.

        Raises:
            WorldError: STORE_UNAVAILABLE; WRITE_CONFLICT, another rotation began. The next one completes this one.
        """
        await self._index()
        with guarded(), rows_of(tenant):
            version, new, old = await self._succeed(tenant)
            if not old:
                return version, 0
            self.forget(tenant)
            pages = [await self._rewrap_by_pages(tenant, key, new) for key in old]
            async with self._held(tenant) as connection:
                await _check_newest(connection, tenant, new)
                rest = [await self._retire(connection, key, new) for key in old]
        self.forget(tenant)
        return version, sum(pages) + sum(rest)

    async def _succeed(self, tenant: str) -> tuple[int, int, Sequence[int]]:
        """Add the tenant's next key; return its version, its id and those of the keys that it follows."""
        async with self._held(tenant) as connection:
            keys = await connection.fetch(KEYS, tenant)
            version = max((row["version"] for row in keys), default=0)
            # What is destroyed wraps nothing any more, and would cost a look at every data key there is.
            old = [row["id"] for row in keys if row["live"]]
            if not old or not await connection.fetchval(HAS_LOG, tenant):
                return version, 0, ()
            await connection.execute(ADD, tenant, version + 1, *self._wrapped_tenant_key(tenant, version + 1))
            (new,) = await connection.fetch(NEWEST, tenant)
            return version + 1, new["id"], old

    @asynccontextmanager
    async def _held(self, tenant: str) -> AsyncIterator[PoolConnectionProxy]:
        """Yield a transaction that holds the tenant's logs."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(LOCK, tenant)
            yield connection

    async def _rewrap_by_pages(self, tenant: str, old: int, new: int) -> int:
        count, last = 0, b""
        while True:
            async with self._held(tenant) as connection:
                await _check_newest(connection, tenant, new)
                rows = await self._rewrap(connection, old, new, last)
            if not rows:
                return count
            count, last = count + len(rows), rows[-1]["id"]

    async def _retire(self, connection: PoolConnectionProxy, old: int, new: int) -> int:
        """Wrap the rest of what a key wraps anew, and destroy the key."""
        count, last = 0, b""
        while rows := await self._rewrap(connection, old, new, last):
            count, last = count + len(rows), rows[-1]["id"]
        await connection.execute(DESTROY, old)
        return count

    async def _rewrap(
        self, connection: PoolConnectionProxy, old: int, new: int, after: bytes
    ) -> Sequence[asyncpg.Record]:
        """Wrap a page of data keys anew; return which."""
        rows = await connection.fetch(PAGE, old, after, REWRAPPED_AT_ONCE)
        if rows:
            from_, to = await self._cipher(old, connection), await self._cipher(new, connection)
            keys = [self._wrap(to, opened(row["wrapped"], from_, row["id"]), row["id"]) for row in rows]
            await connection.execute(REWRAP, new, [row["id"] for row in rows], keys)
        return rows

    async def _index(self) -> None:
        """Learn by which keys people were found before, and keep them for when the body key is another.

        One that was wrapped by a body key which is lost is passed over: so were the keys of all content it finds.
        """
        if self._indexed:
            return
        with guarded():
            stored = {row["id"]: row for row in await self._pool.fetch(INDEX_KEYS)}
            for id_, row in stored.items():
                with suppress(WorldError):
                    self._seal.remember(id_, self._seal.unwrap(row["master"], row["wrapped"], id_.encode()))
            for id_, key in self._seal.index_keys.items():
                if id_ not in stored or stored[id_]["master"] != self._seal.newest:
                    await self._pool.execute(KEEP_INDEX_KEY, id_, *self._seal.wrap(key, id_.encode()))
        self._indexed = True

    async def _tenant_key(self, tenant: str) -> tuple[int, int]:
        """Return id and version of the key that wraps what is new; make the tenant's first."""
        with guarded():
            rows = await self._pool.fetch(NEWEST, tenant)
            if not rows:
                await self._pool.execute(ADD, tenant, 1, *self._wrapped_tenant_key(tenant, 1))
                rows = await self._pool.fetch(NEWEST, tenant)
        (row,) = rows
        self._ciphers[row["id"]] = self._unwrapped(tenant, row)
        self._newest[tenant] = row["id"], row["version"]
        return self._newest[tenant]

    def _wrapped_tenant_key(self, tenant: str, version: int) -> tuple[str, bytes]:
        return self._seal.wrap(self._random_bytes(KEY_BYTES), _bound(tenant, version))

    def _unwrapped(self, tenant: str, row: asyncpg.Record) -> AESGCM:
        return AESGCM(self._seal.unwrap(row["master"], row["wrapped"], _bound(tenant, row["version"])))

    def _fresh(self, tenant_key: int, subject: bytes = b"", requester: bytes = b"") -> DataKey:
        secret, id = self._random_bytes(KEY_BYTES), self._new_id()  # noqa: A001 - the column's name
        wrapped = self._wrap(self._ciphers[tenant_key], secret, id)
        stored = WrappedKey(id=id, tenant_key=tenant_key, wrapped=wrapped, subject=subject, requester=requester)
        return DataKey(stored=stored, secret=secret)

    def _wrap(self, cipher: AESGCM, secret: bytes, context: bytes) -> bytes:
        nonce = self._random_bytes(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, secret, context)

    def _new_id(self) -> bytes:
        """Return a new key's id: ids of one time lie together in the index."""
        now = time.time_ns() // 1_000_000
        return now.to_bytes(_CLOCK_BYTES, "big") + self._random_bytes(KEY_ID_BYTES - _CLOCK_BYTES)

    async def _of_persons(self, tags: Sequence[Sequence[bytes]]) -> DataKey | None:
        subject, *requester = tags
        with guarded():
            row = await self._pool.fetchrow(OF_PERSONS, subject, requester[0] if requester else [])
        if row is None:
            return None
        stored = WrappedKey(**row)
        return DataKey(stored=stored, secret=await self._secret(stored))

    async def _erased(self, tags: Sequence[Sequence[bytes]]) -> Tombstone | None:
        with guarded():
            row = await self._pool.fetchrow(TOMBSTONE, [tag for each in tags for tag in each])
        return Tombstone(**row) if row else None

    async def _secret(self, key: WrappedKey) -> bytes:
        return opened(key.wrapped, await self._cipher(key.tenant_key), key.id)

    async def _cipher(self, id: int, source: Pool | PoolConnectionProxy | None = None) -> AESGCM:  # noqa: A002
        """Return a tenant key at work; it is read once and then remembered, for it never changes."""
        if (cipher := self._ciphers.get(id)) is None:
            with guarded():
                row = await (source or self._pool).fetchrow(BY_ID, id)
            if row is None or row["wrapped"] is None:
                raise _damaged()
            cipher = self._ciphers[id] = self._unwrapped(row["tenant"], row)
        return cipher


async def _check_newest(connection: PoolConnectionProxy, tenant: str, key: int) -> None:
    """Return if a key is the tenant's newest, and at work.

    Raises:
        WorldError: WRITE_CONFLICT, another has followed it.
    """
    rows = await connection.fetch(NEWEST, tenant)
    if [row["id"] for row in rows] != [key]:
        raise WorldError(Kind.ABORTED, "WRITE_CONFLICT", "another rotation of the tenant's key has begun")


def opened(sealed: bytes, key: bytes | AESGCM, context: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        WorldError: INTERNAL RECORD_DAMAGED.
    """
    cipher = AESGCM(key) if isinstance(key, bytes) else key
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise _damaged() from error


def _bound(tenant: str, version: int) -> bytes:
    return f"{tenant} {version}".encode()


def _damaged() -> WorldError:
    return WorldError(Kind.INTERNAL, "RECORD_DAMAGED", "a stored body or key does not open with its key")
