"""The context service as the librarian."""

from magistrate.context.v1.context_pb2 import BuildContextRequest
from magistrate.context.v1.context_pb2_grpc import ContextServiceStub
from magistrate.engine.v1.engine_pb2 import ContextUse
from services.chassis.client import MeshChannel
from services.engine.adapters import degradation, enums
from services.engine.core.decision import Gathered, Mode, Sealed
from services.engine.core.question import Question

_MODES = {mode.value: mode for mode in Mode}


class MeshLibrarian:
    """Gather context through ``ContextService``."""

    def __init__(self, channel: MeshChannel) -> None:
        self._stub = ContextServiceStub(channel)

    async def gather(self, question: Question, *, timeout_s: float) -> Gathered:
        """Return the packed context with its provenance and declared mode; an unknown mode is never a full one."""
        reply = await self._stub.BuildContext(
            BuildContextRequest(
                query=question.query,
                pack_id=question.pack_id,
                domain=enums.domain(question),
                task_type=enums.task_type(question),
                strict=question.strict_context,
            ),
            timeout=timeout_s,
        )
        use = ContextUse(
            provenance=[chunk.provenance for chunk in reply.chunks],
            token_count=reply.token_count,
            confidence=reply.confidence,
            truncated=reply.truncated,
        )
        return Gathered(
            text=reply.text,
            chunks=tuple(chunk.text for chunk in reply.chunks),
            confidence=reply.confidence,
            mode=_MODES.get(reply.degraded_mode, Mode.DEGRADED_NO_RAG),
            degraded=degradation.read(reply.degraded_components),
            use=Sealed(use),
        )
