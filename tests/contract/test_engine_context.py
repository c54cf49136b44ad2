"""The engine's librarian before a context service of another version."""

from typing import Any

import pytest

from magistrate.common.v1.degradation_pb2 import DegradedMode
from magistrate.context.v1.context_pb2 import BuildContextRequest, BuildContextResponse
from magistrate.context.v1.context_pb2_grpc import ContextServiceServicer, add_ContextServiceServicer_to_server
from services.chassis.testing import Registration, serving
from services.engine.adapters.context import MeshLibrarian
from services.engine.core.decision import Mode
from services.engine.core.question import Domain, Question, TaskType

QUESTION = Question(query="How many days of leave?", domain=Domain.GENERAL, task_type=TaskType.ANALYSIS)


class Context(ContextServiceServicer):
    """Answers with one mode."""

    def __init__(self, mode: "DegradedMode.ValueType") -> None:
        """Take the mode's number."""
        self.mode = mode

    async def BuildContext(self, _request: BuildContextRequest, _context: Any) -> BuildContextResponse:  # noqa: N802
        """Return a context."""
        return BuildContextResponse(text="Leave: 25 days.", degraded_mode=self.mode)


@pytest.mark.spec("ENG-12")
@pytest.mark.parametrize(
    ("said", "mode"),
    [
        (DegradedMode.DEGRADED_MODE_FULL, Mode.FULL),
        (DegradedMode.DEGRADED_MODE_CACHE_ONLY, Mode.CACHE_ONLY),
        (DegradedMode.DEGRADED_MODE_MODEL_ONLY, Mode.MODEL_ONLY),
        (DegradedMode.DEGRADED_MODE_UNSPECIFIED, Mode.DEGRADED_NO_RAG),
        (77, Mode.DEGRADED_NO_RAG),
    ],
)
async def test_a_mode_that_is_not_known_is_never_taken_for_a_full_one(
    said: "DegradedMode.ValueType", mode: Mode
) -> None:
    """Modes are passed on; one that this version does not know counts as a fault of retrieval, not of the call."""
    registration = Registration(
        add_ContextServiceServicer_to_server, Context(said), "magistrate.context.v1.ContextService"
    )
    async with serving([registration]) as channel:
        gathered = await MeshLibrarian(channel).gather(QUESTION, timeout_s=5)

    assert gathered.mode is mode
