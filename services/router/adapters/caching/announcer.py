"""Word of invalidations on a Redis channel; what is lost there, the epoch in PostgreSQL heals."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.chassis.errors import MeshError
from services.chassis.metrics import counter
from services.router.adapters.caching import words
from services.router.adapters.caching.guard import RedisGuard
from services.router.core.caching.epoch import Notice, Word

_PAUSE_S = 0.5
"""Before the channel is entered again; meanwhile the epochs in PostgreSQL are read every few seconds anyway."""
_PATIENCE_S = 5.0
"""How long a silent channel is listened to before the connection is looked at."""
_HEARD = counter("magistrate_cache_words_heard_total", "Words of other replicas about what must be forgotten.")


@dataclass(frozen=True, kw_only=True)
class RedisAnnouncer:
    """Implements the Announcer port."""

    client: Redis
    guard: RedisGuard

    async def announce(self, notice: Notice) -> None:
        """Tell every replica."""
        text = words.write(notice)
        with suppress(MeshError):
            await self.guard.run(lambda: self.client.publish(words.CHANNEL, text))

    async def hear(self) -> AsyncIterator[Word]:
        """Yield each word, until cancelled."""
        while True:
            try:
                async with aclosing(self._listen()) as said:
                    async for word in said:
                        _HEARD.inc()
                        yield word
            except (RedisError, OSError):
                _raise_if_cancelled()
            await asyncio.sleep(_PAUSE_S)

    async def _listen(self) -> AsyncGenerator[Word, None]:
        async with self.client.pubsub() as channel:
            await channel.subscribe(words.CHANNEL)
            while True:
                # With the client's own filter an answered ping would look like silence, and be answered by a ping.
                message = await channel.get_message(timeout=_PATIENCE_S)
                _raise_if_cancelled()
                if message is None:
                    await channel.ping()
                elif message["type"] == "message" and (word := words.read(message["data"])):
                    yield word


def _raise_if_cancelled() -> None:
    """End where the task was told to: the client may take that for a timeout, or an error of its connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
