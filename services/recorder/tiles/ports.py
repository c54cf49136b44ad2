"""What the server of tiles needs from the world."""

from dataclasses import dataclass
from typing import Protocol

from services.recorder.core.resource import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLog:
    """A log as far as it is signed."""

    log: int
    origin: str
    tenant: str
    size: int
    checkpoint: str
    """The newest signed checkpoint, which is of this size."""


class TileStore(Protocol):
    """The published parts of the logs. Every method raises WorldError where the store is away."""

    async def published(self, origin: str) -> PublishedLog | None:
        """Return a log by its origin, if any checkpoint of it was ever signed."""
        ...

    async def part(self, log: PublishedLog, part: Part) -> bytes | None:
        """Return the bytes of a tile or bundle that is covered by a checkpoint; None where they are not all there."""
        ...


class Door(Protocol):
    """Who is let in."""

    def tenant_of(self, token: str) -> str | None:
        """Return the tenant whose logs a bearer token opens; None where it opens none."""
        ...
