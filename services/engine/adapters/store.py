"""Decisions in PostgreSQL (schema ``engine``)."""

from collections.abc import Callable, Sequence

import asyncpg

from services.chassis.postgres import guarded
from services.engine.core.decision import Verdict
from services.engine.core.erasure import erased
from services.engine.core.question import Question
from services.engine.ports import Feedback, Kept, Page

_FIND = """
SELECT decision_id, created_at, question_digest, body, erased_at FROM decision WHERE tenant = $1 AND decision_id = $2
"""
_KEEP = """
WITH kept AS (
    INSERT INTO decision (tenant, decision_id, created_at, question_digest, verdict, domain, body, subject_id,
                          requester_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $10, $11) ON CONFLICT (tenant, decision_id) DO NOTHING
    RETURNING tenant, decision_id
)
INSERT INTO outbox (letter_id, tenant, subject, body)
SELECT tenant || '/' || decision_id, tenant, $8, $9 FROM kept WHERE $9::bytea IS NOT NULL
"""
_PAGE = """
SELECT decision_id, created_at, question_digest, body FROM decision
WHERE tenant = $1 AND erased_at IS NULL
  AND ($2::timestamptz IS NULL OR (created_at, decision_id) < ($2, $3))
  AND ($4::smallint IS NULL OR verdict = $4)
  AND ($5::smallint IS NULL OR domain = $5)
ORDER BY created_at DESC, decision_id DESC
LIMIT $6
"""


class PostgresDecisions:
    """Keep decisions for those who ask again.

    Args:
        pool: Connections of the service's own schema.
        written: Called after feedback was written.
    """

    def __init__(self, pool: asyncpg.Pool, *, written: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._written = written

    async def find(self, tenant: str, decision_id: str) -> Kept | None:
        """Return the tenant's decision, or None.

        Raises:
            CallerError: EVIDENCE_ERASED, a person had its content erased.
        """
        with guarded():
            row = await self._pool.fetchrow(_FIND, tenant, decision_id)
        if row is not None and row["erased_at"] is not None:
            raise erased(decision_id)
        return None if row is None else _kept(row)

    async def keep(
        self, tenant: str, kept: Kept, verdict: Verdict, asked: Question, feedback: Feedback | None, *, requester: str
    ) -> None:
        """Keep the decision, who asked for it and what is to be told of it in one statement; one that is kept stays."""
        with guarded():
            await self._pool.execute(
                _KEEP,
                tenant,
                kept.decision_id,
                kept.created_at,
                kept.question_digest,
                verdict.value,
                asked.domain.value,
                kept.body,
                feedback.subject if feedback else "",
                feedback.body if feedback else None,
                asked.subject_id,
                requester,
            )
        if feedback:
            self._written()

    async def page(self, tenant: str, page: Page) -> Sequence[Kept]:
        """Return up to one more than a page, newest first."""
        after_time, after_id = page.after or (None, "")
        verdict = None if page.verdict is None else page.verdict.value
        domain = None if page.domain is None else page.domain.value
        with guarded():
            rows = await self._pool.fetch(_PAGE, tenant, after_time, after_id, verdict, domain, page.size + 1)
        return [_kept(row) for row in rows]

    async def ready(self) -> None:
        """Return once the schema can be read."""
        with guarded():
            await self._pool.fetchval("SELECT 1 FROM decision LIMIT 1")


def _kept(row: asyncpg.Record) -> Kept:
    return Kept(
        decision_id=row["decision_id"],
        created_at=row["created_at"],
        question_digest=row["question_digest"],
        body=row["body"],
    )
