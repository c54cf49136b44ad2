"""What happens, and when: drawn from a seed alone, so that the same seed gives the same plan."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.3, 2.5
SHORTEST_S, LONGEST_S = 0.3, 3.0
"""How long a thing that lasts does."""


class Kind(StrEnum):
    """One kind of disturbance."""

    KILL_RECORDER = "kill -9 a recorder"
    KILL_PUBLISHER = "kill -9 the publisher"
    KILL_BACKEND = "kill -9 a session of the database"
    CRASH_DATABASE = "restart the database, immediate"
    RESTART_DATABASE = "restart the database, fast"
    END_SESSIONS = "end every session of the recorder"
    FREEZE_RECORDER = "freeze a recorder"
    FREEZE_DATABASE = "freeze the database"
    HOLD_LOG = "hold the log's row"
    CUT_CONNECTIONS = "cut every connection to the database"
    STALL_CONNECTIONS = "let nothing through to the database"
    ERASE = "erase a person"
    ROTATE = "rotate the tenant's key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One thing that happens."""

    at_s: float
    """Seconds after the start."""
    kind: Kind
    lasts_s: float
    """How long, where it lasts; how long a killed process stays away."""
    number: int
    """Chooses among several, such as recorders or persons."""


def draw(seed: int, seconds: float) -> tuple[Disturbance, ...]:
    """Return what happens within ``seconds``; every kind comes before any comes twice."""
    chance = random.Random(seed)  # noqa: S311 - a plan, not a secret
    return tuple(_until(seconds, chance))


def _until(seconds: float, chance: random.Random) -> Iterator[Disturbance]:
    at_s, left = 0.0, list[Kind]()
    while True:
        at_s += chance.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)
        if at_s >= seconds:
            return
        if not left:
            left = list(Kind)
            chance.shuffle(left)
        lasts_s = chance.uniform(SHORTEST_S, LONGEST_S)
        yield Disturbance(at_s=at_s, kind=left.pop(), lasts_s=lasts_s, number=chance.randrange(1000))
