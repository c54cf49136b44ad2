"""The methods of ContextService and EmbeddingService."""

import grpc

from magistrate.context.v1 import context_pb2 as pb
from magistrate.context.v1.context_pb2_grpc import ContextServiceServicer, EmbeddingServiceServicer
from services.chassis.call import tenant
from services.context.builder import Builder, Question
from services.context.catalog import Catalog
from services.context.core import fusion, inputs, packing, paging
from services.context.ingestor import Ingestor
from services.context.ports import Embedder
from services.context.retriever import Retriever, Search
from services.context.servicer import wire

DEFAULT_CHUNKS = 4
"""Chunks of a context or search where the caller does not say (spec row CTX-22)."""
MAX_CONTEXT_CHUNKS = 20
MAX_SEARCH_CHUNKS = 50
_Context = grpc.aio.ServicerContext[object, object]


class ContextServicer(ContextServiceServicer):
    """Packs, search and context of the caller's tenant."""

    def __init__(
        self, *, builder: Builder, retriever: Retriever, ingestor: Ingestor, catalog: Catalog, min_similarity: float
    ) -> None:
        self._builder = builder
        self._retriever = retriever
        self._ingestor = ingestor
        self._catalog = catalog
        self._min_similarity = min_similarity

    async def BuildContext(self, request: pb.BuildContextRequest, _: _Context) -> pb.BuildContextResponse:
        """Build the context for one question."""
        most, tokens = MAX_CONTEXT_CHUNKS, packing.MAX_TOKENS
        wire.check_task_type(request.task_type)
        question = Question(
            tenant=tenant(),
            pack_id=inputs.pack_id(request.pack_id) if request.pack_id else "",
            query=inputs.text(request.query, field="query", limit=inputs.MAX_QUERY),
            domain=wire.domain(request.domain),
            max_tokens=inputs.number(request.max_tokens, field="max_tokens", default=tokens, most=tokens),
            max_chunks=inputs.number(request.max_chunks, field="max_chunks", default=DEFAULT_CHUNKS, most=most),
            strict=request.strict,
        )
        return wire.context(await self._builder.build(question))

    async def Search(self, request: pb.SearchRequest, _: _Context) -> pb.SearchResponse:
        """Search the tenant's chunks."""
        least = request.min_similarity if request.HasField("min_similarity") else None
        balance = request.mmr_lambda if request.HasField("mmr_lambda") else None
        search = Search(
            tenant=tenant(),
            pack_id=inputs.pack_id(request.pack_id) if request.pack_id else None,
            query=inputs.text(request.query, field="query", limit=inputs.MAX_QUERY),
            k=inputs.number(request.limit, field="limit", default=DEFAULT_CHUNKS, most=MAX_SEARCH_CHUNKS),
            mode=wire.mode(request.mode),
            min_similarity=inputs.share(least, field="min_similarity", default=self._min_similarity),
            mmr_lambda=inputs.share(balance, field="mmr_lambda", default=fusion.MMR_LAMBDA),
        )
        return wire.found(await self._retriever.live(search))

    async def IngestDocuments(self, request: pb.IngestDocumentsRequest, _: _Context) -> pb.IngestDocumentsResponse:
        """Add documents to a pack."""
        pack_id = inputs.pack_id(request.pack_id) if request.pack_id else inputs.DEFAULT_PACK
        documents = inputs.documents([wire.document(document) for document in request.documents])
        return wire.ingested(await self._ingestor.ingest(tenant(), pack_id, documents, replace=request.replace_pack))

    async def GetPack(self, request: pb.GetPackRequest, _: _Context) -> pb.GetPackResponse:
        """Get one pack with its documents."""
        pack, documents = await self._catalog.get(tenant(), inputs.pack_id(request.pack_id))
        return pb.GetPackResponse(pack=wire.pack(pack), documents=map(wire.summary, documents))

    async def ListPacks(self, request: pb.ListPacksRequest, _: _Context) -> pb.ListPacksResponse:
        """List the tenant's packs by id."""
        size = inputs.number(request.page_size, field="page_size", default=paging.DEFAULT_PAGE, most=paging.MAX_PAGE)
        page = await self._catalog.list(tenant(), after=paging.after(request.page_token), size=size)
        token = paging.token(page.packs[-1].pack_id) if page.has_more else ""
        return pb.ListPacksResponse(packs=map(wire.pack, page.packs), next_page_token=token)


class EmbeddingServicer(EmbeddingServiceServicer):
    """The one home of the embedding model."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def Embed(self, request: pb.EmbedRequest, _: _Context) -> pb.EmbedResponse:
        """Embed texts."""
        rows = await self._embedder.embed(inputs.texts(request.texts))
        embeddings = [pb.Embedding(values=row.tolist()) for row in rows]
        return pb.EmbedResponse(
            embeddings=embeddings, model=self._embedder.model_id, degraded=self._embedder.is_fallback
        )
