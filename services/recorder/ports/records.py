"""What stands in a log, and what is known of the log itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.recorder.core.custody import Body
from services.recorder.core.merkle import Frontier
from services.recorder.core.note import Checkpoint
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Records that meet a query, and how far they were looked for."""

    records: Sequence[Stored]
    upto: int
    """Where there are fewer than asked for: the index before which there are no others."""
