"""Answers before a model is asked: from memory, from the other replicas, from an identical call that is under way."""

from dataclasses import dataclass, replace
from datetime import timedelta

from services.chassis import call
from services.chassis.credentials import shows_one
from services.chassis.errors import MeshError
from services.chassis.metrics import counter
from services.router.caching.claims import Claims, Lead
from services.router.caching.epochs import Epochs
from services.router.caching.flights import Flights, Freed
from services.router.caching.meaning import Meaning
from services.router.caching.store import Store
from services.router.core.answer import Answer, CacheHit
from services.router.core.caching import key as keys
from services.router.core.caching.entry import Entry
from services.router.core.caching.key import Key
from services.router.core.caching.use import Level, Uses, uses
from services.router.core.plan import Plan
from services.router.core.request import CacheUse, Request
from services.router.ports import Generator

_ROUNDS = 2
"""How often a call may follow others that fail before it goes alone."""
_REFRESHED = counter("magistrate_cache_early_refreshes_total", "Answers that were made anew before their life ended.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One call on its way through the caches."""

    request: Request
    plan: Plan
    decision_id: str
    uses: Uses
    key: Key
    scope: Key


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Implements the Generator port before another one. Whatever of it is away is passed over."""

    inner: Generator
    store: Store
    epochs: Epochs
    claims: Claims
    flights: Flights[Answer]
    meaning: Meaning
    default: CacheUse

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return the answer of before where one will do, else a new one. Raises as the inner generator."""
        asking = await self.asking(request, plan, decision_id)
        if asking is None:
            return await self.inner.generate(request, plan, decision_id)
        if not asking.uses.shares:
            return await self._ask(asking, Lead(token=""))
        entry = self.store.remembered(asking.key)
        if entry is None:
            return await self._together(asking)
        if self.store.due(entry):
            return await self._refreshed(asking, entry, Level.MEMORY)
        return self.store.answer(plan, entry, Level.MEMORY)

    async def asking(self, request: Request, plan: Plan, decision_id: str) -> Asking | None:
        """Return what the caches need to know of a call; None where they have no part in it."""
        allowed = uses(request.cache_use, self.default, plan)
        if not (allowed.shares or allowed.writes):
            return None
        tenant = call.tenant()
        try:
            epoch = await self.epochs.of(tenant, request.domain, request.task)
        except MeshError:
            # Without the epoch nobody knows whether a kept answer was invalidated.
            self.store.tally.count(Level.MEMORY, "error")
            return None
        lasting = allowed.reads or allowed.writes
        return Asking(
            request=request,
            plan=plan,
            decision_id=decision_id,
            uses=allowed,
            key=keys.of_call(tenant, request, plan, epoch, lasting=lasting),
            scope=keys.of_scope(tenant, request, plan, epoch),
        )

    def kept(self, asking: Asking, answer: Answer, took: timedelta, lead: Lead) -> Answer:
        """Keep a new ``answer`` as far as it is worth it, and return it."""
        # What looks like a credential lies in no store, and nobody needs it twice.
        clean = not (shows_one(asking.request.query) or shows_one(answer.text))
        lasting = clean and asking.uses.writes and answer.repeatable
        replaces = lasting and not asking.uses.reads
        self.store.keep(asking.key, answer, took, lasting=lasting, replaces=replaces, token=lead.token)
        if lasting and asking.uses.means:
            self.meaning.keep(asking.scope, asking.request.query, answer)
        return answer

    async def _together(self, asking: Asking) -> Answer:
        """Join the identical call that is under way in this process, or begin one."""
        joinable_s = None if asking.uses.reads else self.store.window.total_seconds()
        for _ in range(_ROUNDS):
            try:
                answer, leads = await self.flights.share(
                    _place(asking.key), lambda: self._settled(asking), joinable_s=joinable_s
                )
            except Freed:
                self.store.tally.count(Level.SHARED_CALL, "error")
                continue
            answer = answer if leads else _followed(answer, asking.plan)
            shared = answer.cache_hit is not None and answer.cache_hit.level is Level.SHARED_CALL
            self.store.tally.count(Level.SHARED_CALL, "hit" if shared else "miss")
            return answer
        return await self._settled(asking)

    async def _settled(self, asking: Asking) -> Answer:
        """Take what the replicas have together, or ask for all of them."""
        settled = await self.claims.settle(asking.key, None if asking.uses.reads else self.store.window)
        if isinstance(settled, Lead):
            return await self._ask(asking, settled)
        if settled.entry.lasting:
            self.store.remember(asking.key, settled.entry)
        if self.store.due(settled.entry):
            return await self._refreshed(asking, settled.entry, Level.SHARED)
        level = Level.SHARED_CALL if settled.awaited else Level.SHARED
        return self.store.answer(asking.plan, settled.entry, level)

    async def _refreshed(self, asking: Asking, entry: Entry, level: Level) -> Answer:
        """Make the answer anew before it ends; where somebody else does, or nobody can, ``entry`` is still good."""
        lead = await self.claims.anew(asking.key)
        if lead is None:
            return self.store.answer(asking.plan, entry, level)
        try:
            answer = await self._ask(asking, lead)
        except MeshError:
            return self.store.answer(asking.plan, entry, level)
        _REFRESHED.inc()
        return answer

    async def _ask(self, asking: Asking, lead: Lead) -> Answer:
        """Look for a question that means the same, else have a model answer, and keep what it says."""
        began = self.store.clock.monotonic()
        async with self.claims.held(asking.key, lead):
            if alike := await self._alike(asking):
                self.claims.give_up(asking.key, lead)
                return alike
            answer = await self.inner.generate(asking.request, asking.plan, asking.decision_id)
            took = timedelta(seconds=self.store.clock.monotonic() - began)
            return self.kept(asking, answer, took, lead)

    async def _alike(self, asking: Asking) -> Answer | None:
        if not asking.uses.means:
            return None
        return await self.meaning.find(asking.scope, asking.request.query, asking.plan)


def _place(key: Key) -> str:
    return f"{key.tenant}\0{key.name}\0{key.proof}"


def _followed(answer: Answer, plan: Plan) -> Answer:
    """Return the answer of a call that was followed as the follower's: found, not paid."""
    hit = answer.cache_hit or CacheHit(
        level=Level.SHARED_CALL, source_call_id=answer.call_id, model=answer.model, age=timedelta(0)
    )
    return replace(answer, plan=plan, call_id="", attempts=(), started=0, cache_hit=hit)
