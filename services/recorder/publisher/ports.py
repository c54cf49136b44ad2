"""What the publisher needs from the world: the logs as they stand, a place that only one can hold, and a memory."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.recorder.core.audit import Record
from services.recorder.core.merkle import Growth, Node
from services.recorder.core.meta import MetaEntry
from services.recorder.core.note import Checkpoint
from services.recorder.core.proof import Tile, Tiles
from services.recorder.core.remains import Remains
from services.recorder.core.witnessing import Submission
from services.recorder.ports import Head, SignedCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found wrong with a log, which is signed no more."""

    log: int
    first_bad: int
    problem: str
    found_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A record that stands where the announcement of a key does."""

    index: int
    envelope: bytes


class Logs(Protocol):
    """The logs as they stand. Every method raises WorldError where the store is away."""

    async def logs(self) -> Sequence[int]:
        """Return every log that has a record."""
        ...

    async def findings(self) -> Sequence[Finding]:
        """Return what was found wrong so far."""
        ...

    async def head_of(self, log: int) -> Head:
        """Return one log as it is now.

        Raises:
            TreeError: its head contradicts itself.
        """
        ...

    async def records(self, log: int, start: int, stop: int) -> Sequence[Record]:
        """Return the records from ``start`` to before ``stop``."""
        ...

    async def announcement(self, head: Head, public_key: bytes) -> Announcement | None:
        """Return the record of a log that may announce a key; what it says is to be looked at."""
        ...

    async def remains(self, log: int, start: int, stop: int) -> Sequence[Remains]:
        """Return what is stored of the bodies of the records from ``start`` to before ``stop``."""
        ...

    async def shelved(self, head: Head) -> bool:
        """Return whether the bodies of a log are kept; they are not where their retention is over, and on record."""
        ...

    async def nodes(self, log: int, start: int, stop: int) -> Collection[Node]:
        """Return the stored nodes whose last leaf is from ``start`` to before ``stop``."""
        ...

    async def tiles(self, log: int, wanted: Collection[Tile]) -> Tiles:
        """Return the stored hashes of each tile; one of which nothing is stored is missing."""
        ...

    async def newest(self, log: int) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""
        ...

    async def checkpoints(self, log: int, above: int, upto: int) -> Sequence[SignedCheckpoint]:
        """Return the checkpoints of these sizes, in their order."""
        ...

    async def log_id(self, origin: str) -> int | None:
        """Return a log by its name."""
        ...

    async def unsighted(self, limit: int) -> Sequence[Checkpoint]:
        """Return newest checkpoints of tenants' logs that the meta-log does not hold yet."""
        ...

    async def witnessed_size(self, log: int) -> int:
        """Return the size of the newest checkpoint of the meta-log that enough witnesses have cosigned; 0 for none."""
        ...

    async def report(self, finding: Finding) -> None:
        """Store what was found wrong; the first finding of a log stays."""
        ...


class Seat(Logs, Protocol):
    """The place of the one publisher; whoever loses it can store nothing more."""

    async def grown(self) -> Sequence[int]:
        """Return the logs whose newest checkpoint is not of their present size."""
        ...

    async def publish(self, log: int, signed: SignedCheckpoint, previous: int) -> bool:
        """Store a checkpoint on top of that of size ``previous`` (0: the first); False where another one is there."""
        ...

    async def append_meta(self, head: Head, entries: Sequence[MetaEntry], growth: Growth) -> bool:
        """Append to the meta-log, and begin it where it is not there; False where it has grown since ``head``."""
        ...

    async def witness(self, log: int, size: int, note: str, at: datetime) -> None:
        """Store a checkpoint of the meta-log with its cosignatures."""
        ...

    async def asked(self, timeout_s: float) -> None:
        """Return when somebody waits for a checkpoint, when the seat is lost, or after ``timeout_s``."""
        ...


class Ledger(Protocol):
    """Where the logs and their checkpoints are."""

    def logs(self) -> AbstractAsyncContextManager[Logs]:
        """Open the logs for reading.

        Raises:
            WorldError: the store is away.
        """
        ...

    def seat(self) -> AbstractAsyncContextManager[Seat]:
        """Wait for the seat and hold it.

        Raises:
            WorldError: the store is away.
        """
        ...


class WitnessClient(Protocol):
    """One witness, as a log speaks to it."""

    @property
    def name(self) -> str:
        """Return its name in the policy."""
        ...

    async def add_checkpoint(self, submission: Submission) -> str:
        """Return what the witness answers to a submission: signature lines.

        Raises:
            RefusedError: it refuses, by the status of the protocol.
            WorldError: it does not answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The largest checkpoint of a log that was about to be signed."""

    checkpoint: Checkpoint
    stored: int
    """Size of the checkpoint before it, which was stored for certain; 0 where there was none."""


class Memory(Protocol):
    """What this publisher has signed, remembered apart from the store: a store that was turned back is known by it."""

    def last(self, origin: str) -> Remembered | None:
        """Return what is remembered of a log."""
        ...

    def remember(self, checkpoint: Checkpoint, stored: int) -> None:
        """Keep a checkpoint durably, before it is signed, and the size of the one before it, which is stored."""
        ...


class Signer(Protocol):
    """One Ed25519 key of the deployment."""

    @property
    def public_key(self) -> bytes:
        """Return the 32 raw bytes that verify its signatures."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        ...


class Keys(Protocol):
    """The keys of the deployment, as they are now."""

    def signers(self) -> Sequence[Signer]:
        """Return the keys that sign, the newest first."""
        ...

    def known(self) -> Sequence[bytes]:
        """Return every key that ever signed and still verifies, the newest first."""
        ...

    def cosignature(self, text: str, timestamp: int) -> str:
        """Return the line that the deployment's cosigning key adds to a checkpoint; empty where it has none."""
        ...

    def signed_by(self, signed: SignedCheckpoint) -> Sequence[bytes]:
        """Return which of the known keys have signed a stored note; none where it states another checkpoint."""
        ...
