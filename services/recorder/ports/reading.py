"""Where records come out, and what proves them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from services.recorder.core.proof import Tile, Tiles
from services.recorder.ports.keeping import Damage
from services.recorder.ports.records import Head, Hits, Query, SignedCheckpoint, Stored


class EvidenceReader(Protocol):
    """The read side. Only `head` and `decision` know tenants: whoever asks by log has asked them before."""

    async def head(self, tenant: str, origin: str, stream: str = "") -> Head | None:
        """Return one log of the tenant; for an empty ``origin`` its newest of the stream."""
        ...

    async def decision(self, tenant: str, decision_id: str) -> tuple[Head, Stored] | None:
        """Return the newest record of kind DECISION about a decision, and its log."""
        ...

    async def record(self, head: Head, index: int) -> Stored | None:
        """Return one record."""
        ...

    async def records(self, head: Head, query: Query) -> Hits:
        """Return a page of records, without their bodies; it may end early where no index helps to find them."""
        ...

    async def tiles(self, log: int, wanted: Collection[Tile]) -> Tiles:
        """Return the stored hashes of each tile; one of which nothing is stored is missing."""
        ...


class RangeReader(Protocol):
    """Neighbouring records of a log that was found before."""

    async def records(self, head: Head, indexes: range, *, bodies: bool) -> Sequence[Stored]:
        """Return records in order; without ``bodies``, only what became of those."""
        ...

    async def recorded(self, head: Head, since: datetime | None, until: datetime | None) -> range:
        """Return the indexes from the first record of a time to its last; empty where there is none."""
        ...

    async def checkpoints(self, head: Head, first: int, last: int, limit: int) -> Sequence[SignedCheckpoint]:
        """Return at most ``limit`` checkpoints of sizes from ``first`` to ``last``, from all over that range."""
        ...


class Checkpoints(Protocol):
    """What the publisher has signed, and how it is asked for more."""

    async def newest(self, log: int) -> SignedCheckpoint | None:
        """Return the newest checkpoint of a log."""
        ...

    async def witnessed(self, log: int) -> SignedCheckpoint | None:
        """Return the newest checkpoint of a log that enough witnesses have seen."""
        ...

    async def meta_tiles(self, wanted: Collection[Tile]) -> Tiles:
        """Return tiles of the meta-log."""
        ...

    async def damage(self, log: int) -> Damage | None:
        """Return why a log is signed no more, where that is so."""
        ...

    async def ask(self) -> None:
        """Tell the publisher that somebody waits."""
        ...
