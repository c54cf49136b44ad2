"""Build the context of one question: search, fall back tier by tier, pack (spec rows CTX-07, CTX-08, CTX-14)."""

from dataclasses import dataclass, replace

from services.chassis.errors import CallerError, Kind, MeshError
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.context.copying import CopyKeeper
from services.context.core import fallback, packing
from services.context.core.inputs import DEFAULT_PACK
from services.context.core.packing import Packed
from services.context.core.values import Degradation, Domain, Tier
from services.context.retriever import STORE, Found, Retriever, Search

_log = get_logger("context.build", fields=["tier"])
_fallbacks = counter(
    "magistrate_context_fallbacks_total", "Contexts that the live store did not give, by tier.", ["tier"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What context is wanted for."""

    tenant: str
    pack_id: str
    """Empty means the tenant's pack "default", if there is one."""
    query: str
    domain: Domain | None
    max_tokens: int
    max_chunks: int
    strict: bool
    """Whether missing context is an error instead of a declared degradation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The packed context and where it came from."""

    packed: Packed
    tier: Tier
    confidence: float
    degradations: tuple[Degradation, ...]


class Builder:
    """Turn a question into a context; what could not be had is always declared."""

    def __init__(self, retriever: Retriever, keeper: CopyKeeper, *, min_similarity: float) -> None:
        self._retriever = retriever
        self._keeper = keeper
        self._min_similarity = min_similarity

    async def build(self, question: Question) -> Context:
        """Return the context for ``question``.

        Raises:
            CallerError: PACK_NOT_FOUND; CONTEXT_REQUIRED where ``strict`` and nothing relevant was found.
            WorldError: STORE_UNAVAILABLE where ``strict`` and the live store is away.
        """
        found = await self._find(question)
        packed = packing.pack(found.hits, max_tokens=question.max_tokens)
        if question.strict and not packed.passages:
            raise _required(question)
        return Context(packed=packed, tier=found.tier, confidence=found.confidence, degradations=found.degradations)

    async def _find(self, question: Question) -> Found:
        search = Search(
            tenant=question.tenant,
            pack_id=question.pack_id or DEFAULT_PACK,
            query=question.query,
            k=question.max_chunks,
            min_similarity=self._min_similarity,
        )
        try:
            found = await self._retriever.live(search)
        except MeshError as error:
            if error.reason == "PACK_NOT_FOUND" and not question.pack_id:
                return Found(hits=(), tier=Tier.LIVE, confidence=0.0)
            if error.kind is not Kind.UNAVAILABLE or question.strict:
                raise
            return await self._fall_back(question, search, error)
        if found.pack is not None:
            self._keeper.note(question.tenant, found.pack)
        return found

    async def _fall_back(self, question: Question, search: Search, error: MeshError) -> Found:
        found = await self._copy(search)
        if found is None:
            hits = fallback.static_pack(question.domain)
            found = Found(hits=hits, tier=Tier.STATIC if hits else Tier.NONE, confidence=0.0)
        _fallbacks.labels(tier=found.tier).inc()
        _log.warning("context_degraded", tier=found.tier.value, reason=error.reason, pack_id=search.pack_id)
        degradation = Degradation(component=STORE, fallback=found.tier.value, reason=error.reason)
        return replace(found, degradations=(degradation, *found.degradations))

    async def _copy(self, search: Search) -> Found | None:
        try:
            return await self._retriever.copy(search)
        except MeshError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise
            return None


def _required(question: Question) -> CallerError:
    message = "strict context was asked for, and nothing relevant to the question was found"
    pack_id = question.pack_id or DEFAULT_PACK
    return CallerError(Kind.PRECONDITION, "CONTEXT_REQUIRED", message, metadata={"pack_id": pack_id})
