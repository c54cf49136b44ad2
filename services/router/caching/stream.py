"""Streamed answers before a model is asked: one that is kept comes in one piece; a new one is kept at its end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta

from services.router.caching.cache import Asking, Cache
from services.router.caching.claims import Lead
from services.router.core.answer import Answer
from services.router.core.caching.use import Level
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded
from services.router.core.request import Request
from services.router.ports import Streamed, Streams


@dataclass(frozen=True, kw_only=True)
class CachedStream:
    """Implements the Streams port before another one. Streams do not wait for each other: each has its own tokens."""

    inner: Streams
    cache: Cache

    async def stream(self, request: Request, plan: Plan, decision_id: str) -> AsyncGenerator[Streamed, None]:
        """Yield the answer and, last, the Answer. Raises as the inner one."""
        asking = await self.cache.asking(request, plan, decision_id)
        if asking and asking.uses.shares and (kept := await self._kept(asking)):
            yield kept.text
            yield replace(kept, text="")
            return
        async with aclosing(self._new(request, plan, decision_id, asking)) as events:
            async for event in events:
                yield event

    async def _kept(self, asking: Asking) -> Answer | None:
        store = self.cache.store
        if entry := store.remembered(asking.key):
            return store.answer(asking.plan, entry, Level.MEMORY)
        if entry := await self.cache.claims.look(asking.key):
            store.remember(asking.key, entry)
            return store.answer(asking.plan, entry, Level.SHARED)
        return None

    async def _new(
        self, request: Request, plan: Plan, decision_id: str, asking: Asking | None
    ) -> AsyncGenerator[Streamed, None]:
        began, pieces = self.cache.store.clock.monotonic(), list[str]()
        async with aclosing(self.inner.stream(request, plan, decision_id)) as events:
            async for event in events:
                if isinstance(event, str):
                    pieces.append(event)
                elif isinstance(event, Discarded):
                    pieces.clear()
                elif asking:
                    took = timedelta(seconds=self.cache.store.clock.monotonic() - began)
                    self.cache.kept(asking, replace(event, text="".join(pieces)), took, Lead(token=""))
                yield event
