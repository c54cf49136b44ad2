"""What one transaction writes: which records are new, where they go, and how the tree grows by them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.recorder.core.custody import WrappedKey
from services.recorder.core.merkle import Frontier, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record that is ready to be written."""

    tenant: str
    origin: str
    key: str
    """The idempotency key: at most one record of a tenant has it."""
    leaf: bytes
    envelope: bytes
    sealed: bytes
    """The body as it is stored."""
    data_key: WrappedKey
    """What it is sealed with; stored beside it, unless it is there already."""
    kind: str
    decision_id: str
    content_type: str
    intent: str
    occurred_at: datetime
    recorded_at: datetime

    @property
    def size_bytes(self) -> int:
        """Return how much memory the entry holds."""
        return len(self.envelope) + len(self.sealed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rows to insert, and the log's head after them."""

    first_index: int
    fresh: tuple[Entry, ...]
    """The records that get the indexes from ``first_index`` on, in this order."""
    frontier: Frontier
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a batch is closed: it is full, or its first record has waited long enough."""

    max_records: int = 200
    max_bytes: int = 8 << 20
    linger_s: float = 0.005

    def full(self, *, records: int, size_bytes: int) -> bool:
        """Return whether nothing more fits."""
        return records >= self.max_records or size_bytes >= self.max_bytes

    def wait_s(self, *, records: int, expected: int, age_s: float) -> float:
        """Return how much longer an open batch may wait for company, in seconds; 0 closes it.

        It waits only for as many records as the batch before it had: a lone writer never waits, and a crowd whose
        answers went out together comes back together.
        """
        return 0.0 if records >= min(expected, self.max_records) else max(0.0, self.linger_s - age_s)


def plan(head: Frontier, entries: Sequence[Entry], known: Collection[str]) -> Plan:
    """Return what to write for ``entries`` on top of ``head``, given which of their keys are already written."""
    fresh = tuple(_first_of_each_key(entries, known))
    growth = head.extend(entry.leaf for entry in fresh)
    return Plan(first_index=head.size, fresh=fresh, frontier=growth.frontier, nodes=growth.nodes)


def _first_of_each_key(entries: Sequence[Entry], known: Collection[str]) -> Iterator[Entry]:
    seen = set(known)
    for entry in entries:
        if entry.key not in seen:
            seen.add(entry.key)
            yield entry
