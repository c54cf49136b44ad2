"""The room's values as messages of the contract, and back."""

from collections.abc import Mapping

from magistrate.common.v1.degradation_pb2 import DegradedComponent, DegradedMode
from magistrate.common.v1.provenance_pb2 import Provenance
from magistrate.common.v1.task_pb2 import Domain as WireDomain
from magistrate.common.v1.task_pb2 import TaskType
from magistrate.context.v1 import context_pb2 as pb
from services.chassis.errors import CallerError, invalid
from services.context.builder import Context
from services.context.core.packing import Passage
from services.context.core.values import (
    Degradation,
    Document,
    DocumentSummary,
    Domain,
    Hit,
    Pack,
    SearchMode,
    Tier,
)
from services.context.ingestor import Ingested
from services.context.retriever import Found

_MODES: Mapping[int, SearchMode] = {
    pb.SEARCH_MODE_UNSPECIFIED: SearchMode.HYBRID,
    pb.SEARCH_MODE_HYBRID: SearchMode.HYBRID,
    pb.SEARCH_MODE_DENSE: SearchMode.DENSE,
    pb.SEARCH_MODE_SPARSE: SearchMode.SPARSE,
}
_DOMAINS: Mapping[int, Domain | None] = {
    WireDomain.DOMAIN_UNSPECIFIED: None,
    WireDomain.DOMAIN_LITERARY: Domain.LITERARY,
    WireDomain.DOMAIN_MARKET: Domain.MARKET,
    WireDomain.DOMAIN_GENERAL: Domain.GENERAL,
}
_TIERS: Mapping[Tier, DegradedMode.ValueType] = {
    Tier.LIVE: DegradedMode.DEGRADED_MODE_FULL,
    Tier.COPY: DegradedMode.DEGRADED_MODE_CACHE_ONLY,
    Tier.STATIC: DegradedMode.DEGRADED_MODE_DEGRADED_NO_RAG,
    Tier.NONE: DegradedMode.DEGRADED_MODE_MODEL_ONLY,
}
"""The mode that each tier of the fallback declares (spec 3)."""


def mode(value: int) -> SearchMode:
    """Return the searches that take part; unset means hybrid, as the contract says."""
    if value not in _MODES:
        raise _unknown("mode", value)
    return _MODES[value]


def domain(value: int) -> Domain | None:
    """Return the field of work; unset means that no static pack can stand in."""
    if value not in _DOMAINS:
        raise _unknown("domain", value)
    return _DOMAINS[value]


def check_task_type(value: int) -> None:
    """Refuse a task type that this version does not know; context is the same for all that it does know."""
    if value not in TaskType.values():
        raise _unknown("task_type", value)


def document(message: pb.Document) -> Document:
    """Return a document to ingest."""
    return Document(
        document_id=message.document_id,
        title=message.title,
        source=message.source,
        text=message.text,
        metadata=dict(message.metadata),
    )


def pack(value: Pack) -> pb.Pack:
    """Return a pack as the contract shows it."""
    message = pb.Pack(
        pack_id=value.pack_id,
        version=value.version,
        document_count=value.document_count,
        chunk_count=value.chunk_count,
        content_sha256=value.content_sha256,
    )
    message.updated_at.FromDatetime(value.updated_at)
    return message


def summary(value: DocumentSummary) -> pb.DocumentSummary:
    """Return a document without its text."""
    return pb.DocumentSummary(
        document_id=value.document_id,
        title=value.title,
        source=value.source,
        chunk_count=value.chunk_count,
        sha256=value.sha256,
    )


def context(value: Context) -> pb.BuildContextResponse:
    """Return a packed context with the mode of its tier."""
    return pb.BuildContextResponse(
        text=value.packed.text,
        chunks=map(_chunk, value.packed.passages),
        token_count=value.packed.token_count,
        confidence=value.confidence,
        degraded_mode=_TIERS[value.tier],
        degraded_components=map(_degraded, value.degradations),
        truncated=value.packed.truncated,
    )


def found(value: Found) -> pb.SearchResponse:
    """Return the hits of a search."""
    return pb.SearchResponse(
        hits=map(_hit, value.hits),
        confidence=value.confidence,
        degraded_components=map(_degraded, value.degradations),
    )


def ingested(value: Ingested) -> pb.IngestDocumentsResponse:
    """Return the pack after an ingest, and each document's outcome."""
    documents = [
        pb.IngestedDocument(
            document_id=outcome.document_id,
            chunk_count=outcome.chunk_count,
            unchanged=outcome.unchanged,
            duplicate_of=outcome.duplicate_of,
        )
        for outcome in value.outcomes
    ]
    return pb.IngestDocumentsResponse(pack=pack(value.pack), documents=documents)


def _chunk(passage: Passage) -> pb.ContextChunk:
    return pb.ContextChunk(provenance=_provenance(passage.hit), text=passage.text, flagged=bool(passage.flags))


def _hit(hit: Hit) -> pb.SearchHit:
    return pb.SearchHit(
        provenance=_provenance(hit),
        text=hit.chunk.text,
        score=hit.score,
        dense_rank=hit.dense_rank,
        sparse_rank=hit.sparse_rank,
    )


def _provenance(hit: Hit) -> Provenance:
    chunk = hit.chunk
    return Provenance(
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        title=chunk.title,
        source=chunk.source,
        pack_id=chunk.pack_id,
        pack_version=chunk.pack_version,
        start_offset=chunk.start,
        end_offset=chunk.end,
        sha256=chunk.sha256,
        similarity=hit.similarity,
    )


def _degraded(value: Degradation) -> DegradedComponent:
    return DegradedComponent(component=value.component, fallback=value.fallback, reason=value.reason)


def _unknown(field: str, value: int) -> CallerError:
    return invalid(field, "has a value that this version does not know", reason="ENUM_UNKNOWN", value=value)
