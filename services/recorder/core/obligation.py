"""What was begun and must end: an intent is open until an outcome that names it is recorded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.recorder.core.batch import Entry
from services.recorder.core.envelope import Draft
from services.recorder.core.notice import Topic, notice

INTENT, ATTEMPT, OUTCOME = "INTENT", "ATTEMPT", "OUTCOME"
RESULT, UNKNOWN = "outcome", "unknown"
"""The attribute of an outcome that the recorder itself had to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """An intent without an outcome."""

    tenant: str
    intent: str
    """Idempotency key of the intent."""
    decision_id: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a batch does to the list of what is open."""

    opened: tuple[tuple[int, Entry], ...]
    """Intents with their indexes, but for those whose outcome came in the same batch."""
    closed: tuple[str, ...]
    """Intents of which an outcome came."""


def change(first_index: int, entries: Sequence[Entry]) -> Change:
    """Return what ``entries``, which stand from ``first_index`` on, open and close."""
    closed = {entry.intent for entry in entries if entry.kind == OUTCOME and entry.intent}
    opened = (
        (index, entry)
        for index, entry in enumerate(entries, start=first_index)
        if entry.kind == INTENT and entry.key not in closed
    )
    return Change(opened=tuple(opened), closed=tuple(sorted(closed)))


def unknown(obligation: Obligation) -> Draft:
    """Return the outcome of an intent of which nothing more was heard; each intent gets at most one of these."""
    return notice(
        Topic.UNKNOWN_OUTCOME,
        hashlib.sha256(obligation.intent.encode()).hexdigest()[:32],
        tenant=obligation.tenant,
        kind=OUTCOME,
        facts={RESULT: UNKNOWN},
        decision_id=obligation.decision_id,
        intent=obligation.intent,
    )
