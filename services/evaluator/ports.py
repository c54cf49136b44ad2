"""What the evaluator needs from the world."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.evaluator.core.measures import Vectors


class Embedder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row of length 1 per text, in order, from one call.

        Raises:
            WorldError: the model cannot be reached in time, or only a fallback with other vectors answered.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A case for a human reviewer, as it is stored."""

    review_id: str
    tenant: str
    decision_id: str
    domain: str
    severity_0_3: float
    triggers: tuple[str, ...]
    verdict: str
    audit_hash: str
    document: str
    """The packet in canonical proto JSON: what reviewers will read."""
    subject_id: str = ""
    """Person that the case is about; empty where there is none."""
    requester_id: str = ""
    """Who asked."""


class Reviews(Protocol):
    """Keeps review packets."""

    async def open(self, packet: Packet) -> None:
        """Store a packet durably; a packet that is already there stays as it is.

        Raises:
            WorldError: STORE_UNAVAILABLE or WRITE_CONFLICT.
        """
        ...

    async def erase(self, tenant: str, subject_id: str, decision_ids: Sequence[str]) -> int:
        """Blank the packets about a person, or that the person asked for, or on these decisions; return how many.

        Raises:
            WorldError: STORE_UNAVAILABLE or WRITE_CONFLICT.
        """
        ...
