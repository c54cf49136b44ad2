"""What the engine needs of the rest of the mesh and of its own store."""

from services.engine.ports.deciding import (
    Adjudicator,
    Case,
    Critics,
    DecisionStore,
    EvidenceLog,
    Feedback,
    Generator,
    Kept,
    Librarian,
    Page,
    Scorer,
    Screener,
)
from services.engine.ports.erasing import (
    Erasures,
    Owners,
    Spooled,
)
from services.engine.ports.replaying import (
    Archive,
    Judges,
    Listed,
    Recorded,
    Replayed,
    Rules,
)

__all__ = [
    "Adjudicator",
    "Archive",
    "Case",
    "Critics",
    "DecisionStore",
    "Erasures",
    "EvidenceLog",
    "Feedback",
    "Generator",
    "Judges",
    "Kept",
    "Librarian",
    "Listed",
    "Owners",
    "Page",
    "Recorded",
    "Replayed",
    "Rules",
    "Scorer",
    "Screener",
    "Spooled",
]
