"""The third level: answers to questions that mean the same (spec row CCH-06). Only who asks for it gets them."""

from dataclasses import dataclass
from datetime import timedelta

from services.chassis.clock import Clock
from services.chassis.errors import MeshError
from services.chassis.metrics import counter
from services.chassis.waiting import within
from services.router.caching.ports import Neighbour, Questions, Tally
from services.router.core.answer import Answer
from services.router.core.caching.gist import MAX_CHARACTERS, alike
from services.router.core.caching.giving import given, kept
from services.router.core.caching.key import Key
from services.router.core.caching.use import Level
from services.router.core.plan import Plan
from services.router.ports import Embedder, Embedding, Spawn

_LOST = counter("magistrate_cache_lost_meanings_total", "Answers that could not be kept by meaning.")


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """Finds and keeps answers by what was asked."""

    embedder: Embedder
    questions: Questions
    tally: Tally
    clock: Clock
    spawn: Spawn
    threshold: float
    """Cosine that two questions must have at least; besides, they must say the same word for word that matters."""
    life: timedelta
    patience_s: float
    """Seconds that a look-up may take; a model is asked afterwards all the same."""

    async def find(self, scope: Key, question: str, plan: Plan) -> Answer | None:
        """Return the answer to a question of ``scope`` that means the same as ``question``."""
        if len(question) > MAX_CHARACTERS:
            return None
        try:
            neighbours = await within(self.patience_s, self._near(scope, question))
        except (MeshError, TimeoutError):
            self.tally.count(Level.SEMANTIC, "error")
            return None
        found = next((near for near in neighbours if self._means(near, question, scope)), None)
        self.tally.count(Level.SEMANTIC, "hit" if found else "miss")
        if found is None:
            return None
        return given(plan, found.entry, Level.SEMANTIC, self.clock.now(), similarity=min(1.0, found.similarity))

    def keep(self, scope: Key, question: str, answer: Answer) -> None:
        """Keep ``answer`` for questions that mean the same; nobody waits for the writing."""
        if len(question) <= MAX_CHARACTERS:
            self.spawn(self._add(scope, question, answer), name="keep meaning")

    async def _near(self, scope: Key, question: str) -> tuple[Neighbour, ...]:
        return await self.questions.nearest(scope, await self._embedded(question))

    async def _embedded(self, question: str) -> Embedding:
        embedded, *_ = await self.embedder.embed([question])
        return embedded

    def _means(self, near: Neighbour, question: str, scope: Key) -> bool:
        return (
            near.similarity >= self.threshold
            and near.entry.proof == scope.proof
            and near.entry.alive(self.clock.now())
            and alike(near.question, question)
        )

    async def _add(self, scope: Key, question: str, answer: Answer) -> None:
        now = self.clock.now()
        entry = kept(scope, answer, made_at=now, expires_at=now + self.life, took=timedelta(0), lasting=True)
        try:
            await self.questions.add(scope, question, await self._embedded(question), entry)
        except MeshError:
            _LOST.inc()
