"""What those see who look after the logs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.recorder.core.obligation import Obligation
from services.recorder.core.retention import Kept
from services.recorder.ports.records import Head


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
