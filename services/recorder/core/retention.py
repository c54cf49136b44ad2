"""When a log's bodies have been kept for long enough, and what the log says about their end."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.recorder.core.envelope import Draft
from services.recorder.core.notice import Topic, key, notice

KIND = "CHANGE"
_HALF = re.compile(r".*/(\d{4})h([12])")
_JULY = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A log that still has its bodies, though a newer log of the tenant has begun."""

    log: int
    origin: str
    tenant: str
    size: int


def ended_at(origin: str) -> datetime | None:
    """Return when the half-year of a log was over; None where its name has none."""
    found = _HALF.fullmatch(origin)
    if found is None:
        return None
    year, half = int(found[1]), int(found[2])
    return datetime(year, _JULY, 1, tzinfo=UTC) if half == 1 else datetime(year + 1, 1, 1, tzinfo=UTC)


def expired(log: Kept, now: datetime, period: timedelta) -> bool:
    """Return whether the newest body of ``log`` has been kept for ``period``."""
    ended = ended_at(log.origin)
    return ended is not None and now - ended >= period


def announcement_key(origin: str) -> str:
    """Return the idempotency key of the record that says that the bodies of a log are dropped."""
    return key(Topic.RETENTION, origin)


def announcement(log: Kept) -> Draft:
    """Return the record that says that the bodies of ``log`` are dropped; each log gets one."""
    facts = {"event": "bodies_dropped", "log": log.origin, "records": str(log.size)}
    return notice(Topic.RETENTION, log.origin, tenant=log.tenant, kind=KIND, facts=facts)
