"""The live knowledge store: PostgreSQL with pgvector and full text."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import asyncpg
import numpy as np

from services.chassis.errors import Kind, WorldError
from services.chassis.postgres import guarded
from services.context.adapters import statements
from services.context.core.revision import Change, EmbeddedRevision
from services.context.core.values import Candidate, Chunk, DocumentSummary, Pack, Vector

BATCH_ROWS = 250
"""Chunks written by one statement: about 1 MB of parameters."""
_VECTOR_HEADER_BYTES = 4
_ChunkRow = tuple[str, int, int, int, str, str, str]


class PostgresStore:
    """Packs, documents and chunks of all tenants; every method touches one tenant only."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find_pack(self, tenant: str, pack_id: str) -> Pack | None:
        """Return the pack, or nothing where the tenant has none of this id."""
        with guarded():
            row = await self._pool.fetchrow(statements.FIND_PACK, tenant, pack_id)
        return None if row is None else Pack(**row)

    async def list_packs(self, tenant: str, *, after: str, limit: int) -> tuple[Pack, ...]:
        """Return packs by id, from the first id greater than ``after``."""
        with guarded():
            rows = await self._pool.fetch(statements.LIST_PACKS, tenant, after, limit)
        return tuple(Pack(**row) for row in rows)

    async def documents(self, tenant: str, pack_id: str) -> tuple[DocumentSummary, ...]:
        """Return the pack's documents by id, without their texts."""
        with guarded():
            rows = await self._pool.fetch(statements.DOCUMENTS, tenant, pack_id)
        return tuple(DocumentSummary(**row) for row in rows)

    async def vectors(self, tenant: str, pack_id: str, sha256s: Sequence[str], *, model: str) -> dict[str, Vector]:
        """Return the vectors that the pack has already, by the fingerprint of their text."""
        with guarded():
            rows = await self._pool.fetch(statements.VECTORS, tenant, pack_id, list(sha256s), model)
        return {row["sha256"]: _vector(row["vector"]) for row in rows}

    async def chunks(
        self, tenant: str, pack_id: str, *, after: tuple[str, int] = ("", -1), limit: int
    ) -> tuple[tuple[Chunk, str, Vector], ...]:
        """Return at most ``limit`` chunks after that document and ordinal, each with its model and vector."""
        with guarded():
            rows = await self._pool.fetch(statements.CHUNKS, tenant, pack_id, *after, limit)
        return tuple((_chunk(row), row["model"], _vector(row["vector"])) for row in rows)

    async def search(
        self, tenant: str, pack_id: str | None, question: str, vector: Vector | None, *, model: str, limit: int
    ) -> tuple[Candidate, ...]:
        """Return the union of both searches' best, in one round trip."""
        numbers = None if vector is None else vector.tolist()
        with guarded():
            rows = await self._pool.fetch(statements.SEARCH, tenant, pack_id, question, numbers, model, limit)
        return tuple(_candidate(row) for row in rows)

    async def apply(self, tenant: str, pack_id: str, embedded: EmbeddedRevision) -> Pack:
        """Write a revision in one transaction; raise WRITE_CONFLICT where the pack has moved on since its plan."""
        revision = embedded.revision
        with guarded():
            async with self._pool.acquire() as connection, connection.transaction():
                version = await connection.fetchval(statements.LOCK_PACK, tenant, pack_id)
                if version != revision.base_version + 1:
                    raise _moved_on(pack_id)
                await _write(connection, tenant, pack_id, embedded)
                rows = await connection.fetch(statements.FINISH_PACK, tenant, pack_id, revision.content_sha256)
        return Pack(**rows[0])


async def _write(
    connection: "asyncpg.pool.PoolConnectionProxy", tenant: str, pack_id: str, embedded: EmbeddedRevision
) -> None:
    changes = embedded.revision.changes
    gone = [*embedded.revision.removed, *(change.document.document_id for change in changes)]
    await connection.execute(statements.DELETE_DOCUMENTS, tenant, pack_id, gone)
    await connection.execute(
        statements.INSERT_DOCUMENTS, tenant, pack_id, *_columns(map(_document_row, changes), width=7)
    )
    rows = (row for change in changes for row in _chunk_rows(change, embedded))
    while (columns := await asyncio.to_thread(_columns, islice(rows, BATCH_ROWS), width=7))[0]:
        await connection.execute(statements.INSERT_CHUNKS, tenant, pack_id, embedded.model, *columns)


def _document_row(change: Change) -> tuple[str, str, str, str, str, str, int]:
    document = change.document
    metadata = json.dumps(dict(document.metadata), ensure_ascii=False)
    identity = (document.document_id, document.title, document.source, metadata)
    return (*identity, change.sha256, change.digest, len(change.pieces))


def _chunk_rows(change: Change, embedded: EmbeddedRevision) -> Iterator[_ChunkRow]:
    for ordinal, (piece, sha256) in enumerate(zip(change.pieces, change.piece_sha256s, strict=True)):
        numbers = json.dumps(embedded.vectors[sha256].tolist())
        yield change.document.document_id, ordinal, piece.start, piece.end, piece.text, sha256, numbers


def _columns(rows: Iterable[tuple[object, ...]], *, width: int) -> list[list[object]]:
    """Turn rows into the columns that `unnest` takes; without rows there are still ``width`` empty columns."""
    listed = list(rows)
    return [[row[i] for row in listed] for i in range(width)]


def _candidate(row: asyncpg.Record) -> Candidate:
    return Candidate(
        chunk=_chunk(row),
        vector=_vector(row["vector"]),
        similarity=row["similarity"],
        dense_rank=row["dense_rank"],
        sparse_rank=row["sparse_rank"],
        coverage=float(row["coverage"]),
    )


def _chunk(row: asyncpg.Record) -> Chunk:
    return Chunk(
        pack_id=row["pack_id"],
        pack_version=row["version"],
        document_id=row["document_id"],
        ordinal=row["ordinal"],
        title=row["title"],
        source=row["source"],
        start=row["start_offset"],
        end=row["end_offset"],
        text=row["body"],
        sha256=row["sha256"],
    )


def _vector(sent: bytes) -> Vector:
    """Read pgvector's binary form: two 16-bit numbers, then big-endian floats."""
    return np.frombuffer(sent, dtype=">f4", offset=_VECTOR_HEADER_BYTES).astype(np.float32)


def _moved_on(pack_id: str) -> WorldError:
    message = "the pack was changed by another call at the same time; repeat this one"
    return WorldError(Kind.ABORTED, "WRITE_CONFLICT", message, metadata={"pack_id": pack_id})
