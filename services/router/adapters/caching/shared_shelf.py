"""The level that all replicas share, in Redis: answers, and claims to make them.

Answers lie there as readable text: Redis asks for a password, listens to this machine or to its own network policy, and
forgets each answer within its life. Names of keys hold a tenant's name and a hash, nothing that anybody wrote.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from services.chassis.clock import Clock
from services.router.adapters.caching import form, words
from services.router.adapters.caching.guard import RedisGuard
from services.router.adapters.caching.write_behind import WriteBehind
from services.router.caching.ports import Taken
from services.router.core.caching.entry import Entry
from services.router.core.caching.epoch import Replaced
from services.router.core.caching.key import VERSION, Key

_CONSULT = """
local answer = redis.call('get', KEYS[1])
for nth = 3, #KEYS do answer = answer or redis.call('get', KEYS[nth]) end
if answer then return answer end
if redis.call('set', KEYS[2], ARGV[1], 'nx', 'px', ARGV[2]) then return 1 end
local holder = redis.call('get', KEYS[2])
local theirs, mine = string.match(holder, '^(%d+)/'), string.match(ARGV[1], '^(%d+)/')
if theirs and mine and ARGV[3] ~= '' and mine - theirs > tonumber(ARGV[3]) then
    redis.call('set', KEYS[2], ARGV[1], 'px', ARGV[2])
    return 1
end
return {holder}
"""
"""The answer, or the claim, or who has it, in the same round trip. A claim's name begins with the time of its call."""
_RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
"""Both leave alone a claim that has lapsed and belongs to another by now."""
_MS = timedelta(milliseconds=1)
_ANSWERS = f"magistrate:answer:{VERSION}:"
_USED = f"magistrate:used:{VERSION}"
"""Names of answers by the time at which they were made or found here last."""
_MOST_USED = 10_000
"""Names that are kept of them; a replica's memory takes fewer."""
_KEYS_AT_ONCE = 1_000
"""Keys that one round trip looks at."""


class RedisShelf:
    """Implements the SharedShelf and the Kept port."""

    def __init__(self, client: Redis, guard: RedisGuard, writes: WriteBehind, clock: Clock, *, lease_s: float) -> None:
        self._client = client
        self._guard = guard
        self._writes = writes
        self._clock = clock
        self._lease_ms = round(lease_s * 1000)
        self._consult = client.register_script(_CONSULT)
        self._renew = client.register_script(_RENEW)

    async def consult(
        self, key: Key, token: str, *, joined: Sequence[str] = (), window: timedelta | None = None
    ) -> Entry | Taken | None:
        """Return the answer under ``key`` or of one of ``joined``, or claim to make it."""
        keys = [_answer(key), _claim(key), *(_handed(key, name) for name in joined)]
        args: list[str | int] = [token, self._lease_ms, "" if window is None else window // _MS]
        seen = await self._guard.run(lambda: self._consult(keys=keys, args=args))
        if isinstance(seen, str):
            # What cannot be read or belongs to other material is made anew and written over, without a claim.
            return self._found(key, seen)
        return Taken(seen[0]) if isinstance(seen, list) else None

    async def look(self, key: Key) -> Entry | None:
        """Return the answer under ``key``."""
        seen = await self._guard.run(lambda: self._client.get(_answer(key)))
        return self._found(key, seen) if isinstance(seen, str) else None

    async def used_last(self, most: int) -> Sequence[tuple[Key, Entry]]:
        """Return the answers that were made or found last, ``most`` at most, the latest first."""
        names = [str(name) for name in await self._guard.run(lambda: self._client.zrevrange(_USED, 0, most - 1))]
        texts = await self._guard.run(lambda: self._client.mget(names)) if names else []
        read = ((name, form.read(str(text))) for name, text in zip(names, texts, strict=True) if text)
        return [(_key(name, entry), entry) for name, entry in read if entry and entry.alive(self._clock.now())]

    async def claim(self, key: Key, token: str) -> bool:
        """Claim to make the answer anew."""
        made = await self._guard.run(lambda: self._client.set(_claim(key), token, nx=True, px=self._lease_ms))
        return bool(made)

    async def renew(self, key: Key, token: str) -> None:
        """Keep the claim for another lease."""
        await self._guard.run(lambda: self._renew(keys=[_claim(key)], args=[token, self._lease_ms]))

    def publish(self, key: Key, entry: Entry, token: str = "", *, replaces: bool = False) -> None:
        """Keep ``entry`` until it expires, then tell of it and give up the claim."""
        life_ms = (entry.expires_at - self._clock.now()) // _MS
        text = form.write(entry)

        def write(pipeline: Pipeline) -> None:
            if life_ms > 0:
                pipeline.set(_answer(key), text, px=life_ms)
                self._use(pipeline, key, entry)
            if replaces:
                pipeline.publish(words.CHANNEL, words.write(Replaced(tenant=key.tenant, name=key.name)))
            if token:
                _release(pipeline, key, token)

        self._writes.add(write)

    def hand_over(self, key: Key, entry: Entry, token: str) -> None:
        """Keep ``entry`` for those who wait for ``token``, then give up its claim."""
        life_ms, text = (entry.expires_at - self._clock.now()) // _MS, form.write(entry)

        def write(pipeline: Pipeline) -> None:
            pipeline.set(_handed(key, token), text, px=max(1, life_ms))
            _release(pipeline, key, token)

        self._writes.add(write)

    def release(self, key: Key, token: str) -> None:
        """Give up the claim."""
        self._writes.add(lambda pipeline: _release(pipeline, key, token))

    async def clear(self, tenant: str) -> int:
        """Remove all of a tenant's answers, of former versions too; return how many."""
        cursor, count = 0, 0
        while True:
            cursor, count = await self._guard.run(partial(self._page, tenant, cursor, count))
            if not cursor:
                return count

    async def _page(self, tenant: str, cursor: int, count: int) -> tuple[int, int]:
        """Look at some keys and remove the tenant's; return where to go on and how many that makes."""
        after, keys = await self._client.scan(cursor, match=_answers(tenant), count=_KEYS_AT_ONCE)
        return after, count + (await self._client.unlink(*keys) if keys else 0)

    def _found(self, key: Key, text: str) -> Entry | None:
        entry = form.read(text)
        if entry is None or entry.proof != key.proof or not entry.alive(self._clock.now()):
            return None
        self._writes.add(lambda pipeline: self._use(pipeline, key, entry))
        return entry

    def _use(self, pipeline: Pipeline, key: Key, entry: Entry) -> None:
        """Note that ``entry`` is wanted, if it lasts."""
        now = self._clock.now()
        if entry.lasting and now < entry.expires_at:
            pipeline.zadd(_USED, {_answer(key): now.timestamp()})
            pipeline.zremrangebyrank(_USED, 0, -_MOST_USED - 1)
            pipeline.pexpire(_USED, (entry.expires_at - now) // _MS + 1)


def _release(pipeline: Pipeline, key: Key, token: str) -> None:
    pipeline.eval(_RELEASE, 1, _claim(key), token)


def _answer(key: Key) -> str:
    return f"{_ANSWERS}{key.tenant}:{{{key.name}}}"


def _key(answer: str, entry: Entry) -> Key:
    """Return the key whose answer lies under this name."""
    tenant, _, name = answer.removeprefix(_ANSWERS).rpartition(":")
    return Key(tenant=tenant, name=name.strip("{}"), proof=entry.proof)


def _answers(tenant: str) -> str:
    """Return the pattern of every key of the tenant; no tenant's name has a character that means something in it."""
    return f"magistrate:answer:*:{tenant}:*"


def _handed(key: Key, token: str) -> str:
    return f"magistrate:handed:{VERSION}:{key.tenant}:{{{key.name}}}:{token}"


def _claim(key: Key) -> str:
    return f"magistrate:claim:{VERSION}:{key.tenant}:{{{key.name}}}"
