"""From an answer to what is kept of it, and back."""

from datetime import datetime, timedelta

from services.router.core.answer import Answer, CacheHit
from services.router.core.caching.entry import Entry
from services.router.core.caching.key import Key
from services.router.core.caching.use import Level
from services.router.core.plan import Plan


def kept(key: Key, answer: Answer, *, made_at: datetime, expires_at: datetime, took: timedelta, lasting: bool) -> Entry:
    """Return what is kept of ``answer`` under ``key``."""
    return Entry(
        proof=key.proof,
        text=answer.text,
        provider=answer.provider,
        model=answer.model,
        model_version=answer.model_version,
        truncated=answer.truncated,
        call_id=answer.call_id,
        made_at=made_at,
        expires_at=expires_at,
        took=took,
        lasting=lasting,
        vote=answer.vote,
    )


def given(plan: Plan, entry: Entry, level: Level, now: datetime, *, similarity: float = 1.0) -> Answer:
    """Return ``entry`` as the answer to a call that was planned as ``plan``: no tries, no cost."""
    hit = CacheHit(
        level=level if entry.lasting else Level.SHARED_CALL,
        source_call_id=entry.call_id,
        model=entry.model,
        age=max(timedelta(0), now - entry.made_at),
        similarity=similarity,
    )
    return Answer(
        text=entry.text,
        plan=plan,
        call_id="",
        provider=entry.provider,
        model_version=entry.model_version,
        attempts=(),
        started=0,
        truncated=entry.truncated,
        vote=entry.vote,
        cache_hit=hit,
    )
