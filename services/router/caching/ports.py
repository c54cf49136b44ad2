"""What the caches need from the world. Everything here may be away; then a model is asked."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from services.router.core.caching.entry import Entry
from services.router.core.caching.epoch import Marks, Notice, Scope, Word
from services.router.core.caching.key import Key
from services.router.core.caching.use import Level
from services.router.ports import Embedding

Lookup = Literal["hit", "miss", "error"]
"""How a look-up ended: found, not found, or the level was passed over."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Another call makes the answer already."""

    token: str
    """Its claim; what it makes is handed over under this name."""


class SharedShelf(Protocol):
    """The level that all replicas share, and who of them asks a model. Raises WorldError where it is away."""

    async def consult(
        self, key: Key, token: str, *, joined: Sequence[str] = (), window: timedelta | None = None
    ) -> Entry | Taken | None:
        """Return the answer under ``key``, or one that was handed over under a name of ``joined``.

        Where there is none, it is claimed for ``token`` to make it: None. A claim of another whose call began more than
        ``window`` earlier is taken over; None leaves every claim that is renewed. One that nobody renews lapses.
        """
        ...

    async def look(self, key: Key) -> Entry | None:
        """Return the answer under ``key``; claim nothing."""
        ...

    async def used_last(self, most: int) -> Sequence[tuple[Key, Entry]]:
        """Return the lasting answers that were made or found last, ``most`` at most, the latest first."""
        ...

    async def claim(self, key: Key, token: str) -> bool:
        """Claim to make the answer under ``key`` anew, whatever is kept; tell whether nobody else does."""
        ...

    async def renew(self, key: Key, token: str) -> None:
        """Keep the claim of ``token`` for another while."""
        ...

    def publish(self, key: Key, entry: Entry, token: str = "", *, replaces: bool = False) -> None:
        """Keep ``entry`` soon, and give up the claim of ``token``. Never waits and never raises.

        Where it ``replaces`` another, all replicas are told to forget what they remember.
        """
        ...

    def hand_over(self, key: Key, entry: Entry, token: str) -> None:
        """Give ``entry`` to whoever waits for ``token``, nobody else, and give up the claim. Never waits or raises."""
        ...

    def release(self, key: Key, token: str) -> None:
        """Give up the claim of ``token`` soon, so that somebody else tries. Never waits and never raises."""
        ...


class EpochStore(Protocol):
    """The truth about what was invalidated. Raises WorldError STORE_UNAVAILABLE."""

    async def read(self, tenant: str) -> Marks:
        """Return every mark of ``tenant``."""
        ...

    async def advance(self, tenant: str, scope: Scope) -> int:
        """Mark ``scope`` as invalidated, for good; return the tenant's new epoch."""
        ...


class Kept(Protocol):
    """A place where answers are kept. Raises WorldError STORE_UNAVAILABLE."""

    async def clear(self, tenant: str) -> int:
        """Remove everything of ``tenant``; return how many answers that were."""
        ...


class Announcer(Protocol):
    """Carries word of invalidations to all replicas; some may be lost."""

    async def announce(self, notice: Notice) -> None:
        """Tell everybody. Never raises where the way is away: the word is lost then."""
        ...

    def hear(self) -> AsyncIterator[Word]:
        """Yield each word that arrives, until cancelled; connect again where the way breaks."""
        ...


class Tally(Protocol):
    """Counts look-ups."""

    def count(self, level: Level, outcome: Lookup) -> None:
        """Count one look-up at ``level``."""
        ...


class Statistics(Protocol):
    """Tells what was counted."""

    def seen(self, level: Level, outcome: Lookup) -> int:
        """Return how many look-ups at ``level`` ended so since the process began."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A question of before, near to the one that was looked for."""

    question: str
    similarity: float
    """Cosine."""
    entry: Entry


class Questions(Protocol):
    """Questions of before with their answers, by their vectors. Raises WorldError STORE_UNAVAILABLE."""

    async def nearest(self, scope: Key, embedding: Embedding) -> tuple[Neighbour, ...]:
        """Return the nearest few of ``scope`` that are still good, nearest first."""
        ...

    async def add(self, scope: Key, question: str, embedding: Embedding, entry: Entry) -> None:
        """Keep one; the tenant's oldest make room."""
        ...
