"""Questions and answers in PostgreSQL with pgvector.

A look-up reads the rows of one scope (tenant, template, context, order of models) through an ordinary index and sorts
them by distance. That is exact, and there are never more of them than one tenant may have altogether; an approximate
index over all tenants would have to look among neighbours that must not be seen.
"""

import json
from dataclasses import dataclass

import asyncpg

from services.chassis.postgres import guarded
from services.router.adapters.caching import form
from services.router.caching.ports import Neighbour
from services.router.core.caching.entry import Entry
from services.router.core.caching.key import Key
from services.router.ports import Embedding

# Written out in each place, the cast would be made anew for every row: 50 ms instead of half of one for 1000 of them.
_NEAREST = """
    with asked as materialized (select ($4::text)::vector as embedding)
    select question, entry, 1 - (kept.embedding <=> asked.embedding) as similarity
    from cache_questions kept, asked
    where tenant = $1 and scope = $2 and model = $3 and expires_at > now()
    order by kept.embedding <=> asked.embedding
    limit $5
"""
_ADD = """
    insert into cache_questions (tenant, scope, model, question, embedding, entry, made_at, expires_at)
    values ($1, $2, $3, $4, ($5::text)::vector, $6, $7, $8)
    on conflict (tenant, scope, model, question) do update set
        embedding = excluded.embedding, entry = excluded.entry,
        made_at = excluded.made_at, expires_at = excluded.expires_at
"""
_MAKE_ROOM = """
    delete from cache_questions where (tenant, scope, model, question) in (
        select tenant, scope, model, question from cache_questions
        where tenant = $1 order by (expires_at > now()) desc, made_at desc offset $2
    )
"""
_CLEAR = "delete from cache_questions where tenant = $1 returning 1"
_NEIGHBOURS = 5
"""The nearest one may differ in a number, and the next one be the right one."""


@dataclass(frozen=True, kw_only=True)
class PostgresQuestions:
    """Implements the Questions and the Kept port."""

    pool: asyncpg.Pool
    most: int
    """Questions that one tenant may have."""

    async def nearest(self, scope: Key, embedding: Embedding) -> tuple[Neighbour, ...]:
        """Return the nearest few of ``scope``."""
        vector = json.dumps(embedding.values)
        with guarded():
            rows = await self.pool.fetch(_NEAREST, scope.tenant, scope.name, embedding.model, vector, _NEIGHBOURS)
        return tuple(
            Neighbour(question=row["question"], similarity=row["similarity"], entry=entry)
            for row in rows
            if (entry := form.read(row["entry"]))
        )

    async def add(self, scope: Key, question: str, embedding: Embedding, entry: Entry) -> None:
        """Keep one; the tenant's oldest make room."""
        place = (scope.tenant, scope.name, embedding.model, question)
        life = (entry.made_at, entry.expires_at)
        with guarded():
            await self.pool.execute(_ADD, *place, json.dumps(embedding.values), form.write(entry), *life)
            await self.pool.execute(_MAKE_ROOM, scope.tenant, self.most)

    async def clear(self, tenant: str) -> int:
        """Remove all of a tenant's; return how many."""
        with guarded():
            return len(await self.pool.fetch(_CLEAR, tenant))
