"""What the room needs from the world, and what its own parts need of each other."""

from services.router.ports.answering import Embedder, Embedding, Generator, Spawn, Streamed, Streams
from services.router.ports.championing import (
    Amendment,
    Announcer,
    Contests,
    Faults,
    Learner,
    Page,
    Reading,
    StandingsBoard,
    Step,
)
from services.router.ports.providers import Piece, Providers, Reply, Unanswered
from services.router.ports.sighting import Health, History, Lookout, Pace
from services.router.ports.spending import Accounts, Ledger, Till, Watcher, Witness

__all__ = [
    "Accounts",
    "Amendment",
    "Announcer",
    "Contests",
    "Embedder",
    "Embedding",
    "Faults",
    "Generator",
    "Health",
    "History",
    "Learner",
    "Ledger",
    "Lookout",
    "Pace",
    "Page",
    "Piece",
    "Providers",
    "Reading",
    "Reply",
    "Spawn",
    "StandingsBoard",
    "Step",
    "Streamed",
    "Streams",
    "Till",
    "Unanswered",
    "Watcher",
    "Witness",
]
