"""What the recorder needs from the world: a store that is durable, keys for bodies, checkpoints that are signed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.recorder.core.batch import Entry
from services.recorder.core.custody import Body, DataKey, Tombstone
from services.recorder.core.merkle import Frontier
from services.recorder.core.note import Checkpoint
from services.recorder.core.obligation import Obligation
from services.recorder.core.proof import Tile, Tiles
from services.recorder.core.retention import Kept
from services.recorder.core.search import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A record as it stands in its log, by this write or an earlier one with the same key."""

    origin: str
    index: int
    leaf: bytes
    envelope: bytes
    body: Body
    already_recorded: bool
    """Whether an earlier transaction had written it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record as it is read back."""

    origin: str
    tenant: str
    index: int
    key: str
    leaf: bytes
    envelope: bytes
    body: Body | None
    """None where it was not asked for."""
    kind: str
    decision_id: str
    content_type: str
    intent: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One log and how far it has grown."""

    log: int
    origin: str
    tenant: str
    frontier: Frontier


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where a checkpoint stands in the meta-log, and the meta-log's own checkpoint with its witnesses' cosignatures."""

    index: int
    size: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint with its signed note."""

    checkpoint: Checkpoint
    note: str
    signed_at: datetime
    sighting: Sighting | None = None
    """None where no witness was waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What the publisher found wrong with a log."""

    first_bad: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDamage:
    """A log that is signed no more."""

    tenant: str
    origin: str
    first_bad: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLog:
    """The newest log of a tenant's stream."""

    tenant: str
    origin: str
    stream: str
    note: str
    """Its newest checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records of one log to list, in the order of their indexes."""

    kind: str = ""
    decision_id: str = ""
    facts: Sequence[Fact] = ()
    """Only records that have all of these attributes."""
    open_intents: bool = False
    since: datetime | None = None
    until: datetime | None = None
    after: int = -1
    """Index behind which the page begins."""
    limit: int = 100


class RejectedError(Exception):
    """The store refuses the content of a record, or its log is damaged: repeating the write does not help."""


class StaleKeysError(Exception):
    """A key that seals some record of the batch was destroyed meanwhile: seal anew; nothing is written."""


class StoreFullError(Exception):
    """The store has no room for the write: nothing is written, reads go on."""


class LogDivergedError(Exception):
    """A log moved although it was locked: going on could fork it, so the process must end."""


class EvidenceWriter(Protocol):
    """The write side."""

    async def append(self, tenant: str, entries: Sequence[Entry]) -> Mapping[str, Written]:
        """Write what is new of one tenant's ``entries`` in one transaction and return every key's record after COMMIT.

        Raises:
            WorldError: the store did not answer. The write may have happened: repeat it, the keys decide.
            RejectedError: the store refuses the content of some record; nothing is written.
            StaleKeysError: some record is sealed with a key that is no more; nothing is written.
            StoreFullError: there is no room; nothing is written.
            LogDivergedError: the log would fork.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure did."""

    count: int
    """Records whose body is now unreadable."""
    position: Written | None
    """The first record of the erasure; None where there was nothing to erase."""


class ErasureStore(Protocol):
    """Where keys are destroyed."""

    async def erase(
        self,
        tenant: str,
        *,
        tags: Collection[bytes],
        subject_id: str,
        tombstone: Tombstone,
        repeat_key: str,
        origin: str,
        describe: Callable[[Mapping[str, Sequence[int]]], Sequence[Entry]],
    ) -> Erased:
        """Destroy the keys of one person, remember it and append the records of it, all in one transaction.

        Args:
            tenant: Whose logs.
            tags: The person's tags.
            subject_id: The person, for bodies that are older than keys.
            tombstone: What of the person comes later, and is from before it, has no content any more.
            repeat_key: Idempotency key of the first record; where it is there, that erasure is the answer.
            origin: The log that gets the records.
            describe: Makes the records from the erased indexes of each log.

        Raises:
            WorldError: the store did not answer; repeat the call.
            StaleKeysError: the tenant's key was destroyed meanwhile; nothing is written.
            StoreFullError: there is no room; nothing is written or destroyed.
        """
        ...


class Keyring(Protocol):
    """The keys of all tenants' bodies."""

    async def draw(self, tenant: str, persons: Sequence[str]) -> DataKey:
        """Return the key for content of these persons, always a new one where it is nobody's."""
        ...

    def close(self, key: DataKey, plaintext: bytes, context: bytes) -> bytes:
        """Return the sealed form of ``plaintext``; the context binds it to its record."""
        ...

    async def open(self, body: Body, context: bytes) -> bytes | None:
        """Return the plaintext; None where the body or its key is no more.

        Raises:
            WorldError: INTERNAL, it was altered, belongs elsewhere, or the key file does not have its key.
        """
        ...

    async def tags(self, tenant: str, person: str) -> Sequence[bytes]:
        """Return what a person's keys are found by: a name that only the holder of the body key can compute."""
        ...

    def forget(self, tenant: str) -> None:
        """Read the tenant's keys anew from now on."""
        ...

    async def rotate(self, tenant: str) -> tuple[int, int]:
        """Give the tenant a new key; return its version and how many data keys it wraps anew."""
        ...


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

    async def records(self, head: Head, query: Query) -> Sequence[Stored]:
        """Return a page of records, without their bodies."""
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


class Obligations(Protocol):
    """What is open, over all tenants."""

    async def overdue(self, before: datetime, limit: int, but: Collection[str]) -> Sequence[Obligation]:
        """Return the oldest intents that were recorded before this time and have no outcome, but for some tenants'."""
        ...


class Shelf(Protocol):
    """Where bodies lie."""

    async def kept(self) -> Sequence[Kept]:
        """Return the logs that are closed and still have their bodies."""
        ...

    async def drop(self, log: int) -> None:
        """Drop the bodies of a closed log."""
        ...


class Damages(Protocol):
    """What the publisher found wrong, over all tenants."""

    async def damages(self) -> Sequence[LogDamage]:
        """Return every log that is signed no more."""
        ...


class OpenLogs(Protocol):
    """The logs that still grow, over all tenants, and how they are signed."""

    async def open_logs(self) -> Sequence[OpenLog]:
        """Return the newest log of each tenant and stream that was signed at least once."""
        ...


class Lots(Protocol):
    """Records drawn by lot, over all tenants."""

    async def draw(self, count: int) -> Sequence[tuple[Head, int]]:
        """Return some logs, and an index in each."""
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
