"""Puts the caches together: before the generator and the streams that ask models."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from services.chassis.client import MeshChannel
from services.chassis.clock import Clock, Ids
from services.chassis.redis import RedisSettings, open_redis
from services.router.adapters.caching.announcer import RedisAnnouncer
from services.router.adapters.caching.epochs import PostgresEpochs
from services.router.adapters.caching.guard import RedisGuard
from services.router.adapters.caching.questions import PostgresQuestions
from services.router.adapters.caching.shared_shelf import RedisShelf
from services.router.adapters.caching.tally import CountingTally
from services.router.adapters.caching.write_behind import WriteBehind
from services.router.adapters.embeddings import ContextEmbedder
from services.router.adapters.history import PostgresHistory
from services.router.caching.cache import Cache
from services.router.caching.claims import Claims
from services.router.caching.epochs import Epochs
from services.router.caching.flights import Flights
from services.router.caching.forgetting import Forgetting
from services.router.caching.meaning import Meaning
from services.router.caching.rules import Rules
from services.router.caching.store import Store
from services.router.caching.stream import CachedStream
from services.router.core.caching.shelf import Shelf
from services.router.ports import Generator, Spawn, Streams

_RENEWALS = 4
"""Times that a claim is renewed in each lease: one that comes late costs nothing."""
_ENDING_S = 1.0
"""Seconds that a write to Redis which is under way may take to notice the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caches:
    """What the servicer needs of them."""

    generator: Cache
    streams: CachedStream
    epochs: Epochs
    tally: CountingTally
    forgetting: Forgetting


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the room has anyway."""

    redis: RedisSettings
    pool: asyncpg.Pool
    channel: MeshChannel
    clock: Clock
    ids: Ids
    spawn: Spawn


@asynccontextmanager
async def open_caches(rules: Rules, world: World, *, generator: Generator, streams: Streams) -> AsyncIterator[Caches]:
    """Yield the caches before ``generator`` and ``streams``; what they wrote last is sent at the end."""
    async with open_redis(world.redis) as client:
        clock, spawn, tally = world.clock, world.spawn, CountingTally()
        guard = RedisGuard(clock, timeout_s=world.redis.timeout_s)
        writes = WriteBehind(client, guard)
        shelf = RedisShelf(client, guard, writes, clock, lease_s=rules.lease_s)
        life = timedelta(seconds=2 * rules.ttl_s)
        memory = Shelf(entries=rules.entries, size=rules.size, life=timedelta(seconds=rules.ttl_s))
        epochs = Epochs(
            forget=memory.forget,
            clear=memory.clear,
            store=PostgresEpochs(pool=world.pool),
            announcer=RedisAnnouncer(client=client, guard=guard),
            clock=clock,
            spawn=spawn,
            bound_s=rules.epoch_bound_s,
        )
        store = Store(
            memory=memory,
            shared=shelf,
            tally=tally,
            clock=clock,
            draw=_draw,
            life=life,
            window=timedelta(seconds=rules.window_s),
        )
        await store.warm(rules.warmed)
        questions = PostgresQuestions(pool=world.pool, most=rules.questions)
        cache = Cache(
            inner=generator,
            store=store,
            epochs=epochs,
            claims=Claims(shelf=shelf, tally=tally, clock=clock, ids=world.ids, renewal_s=rules.lease_s / _RENEWALS),
            flights=Flights(now=clock.monotonic),
            meaning=Meaning(
                embedder=ContextEmbedder(world.channel, timeout_s=rules.embed_s),
                questions=questions,
                tally=tally,
                clock=clock,
                spawn=spawn,
                threshold=rules.threshold,
                life=life,
                patience_s=rules.patience_s,
            ),
            default=rules.use,
        )
        background = (spawn(writes.run(), name="cache writes"), spawn(epochs.listen(), name="cache invalidations"))
        try:
            yield Caches(
                generator=cache,
                streams=CachedStream(inner=streams, cache=cache),
                epochs=epochs,
                tally=tally,
                forgetting=Forgetting(epochs=epochs, kept=(shelf, questions), history=PostgresHistory(pool=world.pool)),
            )
        finally:
            for task in background:
                task.cancel()
            await asyncio.wait(background, timeout=_ENDING_S)
            await writes.flush()


def _draw() -> float:
    """Return a random number, 0 exclusive to 1."""
    return 1.0 - random.random()  # noqa: S311 - who refreshes early is no secret
