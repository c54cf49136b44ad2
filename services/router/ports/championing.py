"""Where contests of models are kept, and who hears what comes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.router.core.champion.change import Recorded
from services.router.core.champion.contest import Contest
from services.router.core.champion.report import Arena, Report, Scored
from services.router.core.plan import Plan
from services.router.core.standing import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What one step makes of a contest, and what is to be written down with it."""

    contest: Contest
    report: Report | None = None
    recorded: Recorded | None = None


Step = Callable[[Contest], Amendment]
"""Decides on the contest as it stands, while no other writer can change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Scores to read: up to ``size`` after the version ``after``."""

    size: int
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A contest and how it came about, as it was at one moment."""

    contest: Contest
    history: tuple[Recorded, ...] = ()
    """The last changes, newest first."""
    scores: tuple[Scored, ...] = ()
    """One page, oldest first."""


class Contests(Protocol):
    """Where contests are kept. Every method raises WorldError STORE_UNAVAILABLE."""

    async def amend(self, arena: Arena, step: Step) -> Amendment | None:
        """Write what ``step`` makes of a contest, writers taking turns; None where its report was counted before.

        Raises:
            MeshError: What ``step`` raises, nothing having changed; WRITE_CONFLICT where another writer came between.
        """
        ...

    async def counted(self, tenant: str, decision_id: str) -> int | None:
        """Return the version that the score of a decision made; None where it was not counted."""
        ...

    async def read(self, arena: Arena, page: Page | None = None) -> Reading:
        """Return one consistent reading, with one page of scores where it is asked for."""
        ...

    async def newer(self, known: Mapping[Arena, int]) -> Mapping[Arena, Contest]:
        """Return the contests of ``known`` whose version is another now."""
        ...


class Announcer(Protocol):
    """Whoever must know of every amendment that this process made. Must not block."""

    def amended(self, arena: Arena, amendment: Amendment) -> None:
        """Hear of an amendment that is durable."""
        ...


class StandingsBoard(Protocol):
    """What is known of champions without asking anybody now."""

    async def standings(self, arena: Arena) -> Standings | None:
        """Return the newest reading; None where there is no champion, or none is known in time."""
        ...


class Learner(Protocol):
    """Whoever else learns from a score of the current call's user."""

    async def learn(self, score: float) -> None:
        """Remember how good an answer was. Raises WorldError STORE_UNAVAILABLE."""
        ...


class Faults(Protocol):
    """Whoever counts answers that broke off. Must not block."""

    def broke_off(self, plan: Plan, provider: str, call_id: str) -> None:
        """Count that ``provider`` broke off in the streamed call ``call_id``."""
        ...
