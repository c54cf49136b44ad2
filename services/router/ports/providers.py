"""What the room needs of the providers, which are one to it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from services.chassis.errors import MeshError
from services.router.core.account import Usage
from services.router.core.plan import Plan
from services.router.core.recovery import Leg
from services.router.core.spend.testimony import Told


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
