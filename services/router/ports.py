"""What the room needs from the world, and what its own parts need of each other."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from services.chassis.errors import MeshError
from services.router.core.account import Attempt, Usage
from services.router.core.answer import Answer
from services.router.core.champion.change import Recorded
from services.router.core.champion.contest import Contest
from services.router.core.champion.report import Arena, Report, Scored
from services.router.core.outlook import Outlook
from services.router.core.plan import Plan
from services.router.core.recovery import Discarded, Leg
from services.router.core.request import Request
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.reservation import Grant, Reservation
from services.router.core.spend.settlement import Hold, Settlement
from services.router.core.spend.statement import Statement
from services.router.core.spend.testimony import Testimony, Told
from services.router.core.standing import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer, or the facts at the end of a streamed one."""

    text: str
    """Empty at the end of a stream."""
    provider: str
    model_version: str
    usage: Usage
    truncated: bool
    """Whether the token limit cut it."""
    attempts: int
    """Tries that were started, hedges included."""
    duration: timedelta
    """Time that the winner took: all of it where it was the only try, else what its vendor took."""
    tries: tuple[Told, ...] = ()
    """What the winner's adapter tells of all its tries, oldest first; empty where it tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The next text of a streamed answer."""

    text: str
    provider: str
    """Who sends it, as far as it is known."""
    attempts: int = 1
    """Tries that were started until then."""


class Unanswered(Exception):  # noqa: N818 - it carries the error; it is not one of its own
    """No provider of the order gave a whole answer."""

    def __init__(self, error: MeshError, *, provider: str, attempts: int) -> None:
        super().__init__(str(error))
        self.error = error
        """What the last try ended with."""
        self.provider = provider
        """Who made the last try; empty where it is not known."""
        self.attempts = attempts
        """Tries that were started, at least 1."""


class Providers(Protocol):
    """All providers as one: the order of the plan is tried by hedging on the way, not here."""

    async def generate(self, plan: Plan, call_id: str) -> Reply:
        """Return the first good answer. Raises Unanswered."""
        ...

    def stream(self, leg: Leg, call_id: str) -> AsyncGenerator[Piece | Reply, None]:
        """Yield pieces and, last, one Reply. Raises Unanswered, also where it breaks."""
        ...

    async def count_tokens(self, plan: Plan) -> int:
        """Count the prompt's tokens at the first provider of the order. Raises Unanswered."""
        ...


class Ledger(Protocol):
    """Where spend is set aside and written down for good, the same for every replica."""

    async def reserve(self, reservation: Reservation) -> Grant | Refusal:
        """Set aside what fits, once for a call. Raises WorldError STORE_UNAVAILABLE."""
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Book tries and release what they had held, once each. Raises WorldError STORE_UNAVAILABLE."""
        ...

    async def overdue(self, most: int) -> Sequence[Hold]:
        """Return holds whose calls must be over, for this caller alone for a while. Raises as ``settle``."""
        ...


class Accounts(Protocol):
    """Reads what was set aside and written down."""

    async def statement(self, tenant: str, day: date, subject: str | None) -> Statement:
        """Return a day of ``tenant``, with every user or only ``subject``. Raises WorldError STORE_UNAVAILABLE."""
        ...


class Witness(Protocol):
    """Knows what became of the tries at one provider."""

    async def ask(self, call_id: str, provider: str, within_s: float) -> Testimony | None:
        """Return what the provider's adapter knows; None where it cannot be asked now."""
        ...


class Watcher(Protocol):
    """Whoever learns from how tries ended: counters, latencies, breakers. Must not block."""

    def count(self, plan: Plan, attempts: Sequence[Attempt], hedges: int) -> None:
        """Count tries of one call that was made by ``plan``, of which ``hedges`` joined another that was silent.

        What is known later comes in a later call.
        """
        ...


class Till(Protocol):
    """Whoever wants to know what budgets have left and what is held. Must not block."""

    def granted(self, reservation: Reservation, grant: Grant) -> None:
        """Note that a call was let through."""
        ...

    def refused(self, reservation: Reservation, refusal: Refusal) -> None:
        """Note that a call was not let through."""
        ...


class Lookout(Protocol):
    """Looks at the world before a plan is made."""

    async def look(self, request: Request, *, dry: bool = False) -> Outlook:
        """Return the outlook for ``request`` of the current call's tenant and user; never raises for what is away.

        A look is ``dry`` where no call follows: it takes nobody's turn to probe a sick provider.
        """
        ...


class Generator(Protocol):
    """Answers planned requests. One may stand before another: a cache before a vote before the providers."""

    async def generate(self, request: Request, plan: Plan, decision_id: str) -> Answer:
        """Return the answer. Raises MeshError."""
        ...


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


class Announcer(Protocol):
    """Whoever must know of every amendment that this process made. Must not block."""

    def amended(self, arena: Arena, amendment: Amendment) -> None:
        """Hear of an amendment that is durable."""
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


class StandingsBoard(Protocol):
    """What is known of champions without asking anybody now."""

    async def standings(self, arena: Arena) -> Standings | None:
        """Return the newest reading; None where there is no champion, or none is known in time."""
        ...


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


class History(Protocol):
    """How good the answers of the current call's user were."""

    async def report(self, *, good: bool) -> None:
        """Count one more answer. Raises WorldError STORE_UNAVAILABLE."""
        ...

    async def success_rate(self) -> float | None:
        """Return the share of good answers, 0 to 1; None where too few are known. Raises as ``report``."""
        ...

    async def forget(self, subject: str) -> int:
        """Forget a user of the current call's tenant; return 1, or 0 where none was known. Raises as ``report``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """A text as a vector of length 1; the cosine of two tells how near their meanings are."""

    values: tuple[float, ...]
    model: str
    """Vectors of two models say nothing about each other."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        """Return one vector per text, in order, from one call.

        Raises:
            WorldError: The model is away or late, or only a stand-in for it is there.
        """
        ...


Streamed = str | Discarded | Answer
"""New text of an answer, the word that all text so far is void, or, last, the answer itself without its text."""


class Streams(Protocol):
    """Answers planned requests token by token. One may stand before another."""

    def stream(self, request: Request, plan: Plan, decision_id: str) -> AsyncGenerator[Streamed, None]:
        """Yield the answer as it is written. Raises MeshError."""
        ...


class Pace(Protocol):
    """How fast models were seen to be."""

    def first_tokens_s(self) -> Mapping[str, float]:
        """Return the measured 95th percentile of the time to the first token by model; only what is known well."""
        ...


class Health(Protocol):
    """What was last seen of each provider."""

    def ill(self, provider: str) -> bool:
        """Tell whether it did not answer several times in a row."""
        ...

    def seen(self, provider: str) -> bool | None:
        """Tell whether it answered; None where it was not asked yet."""
        ...
