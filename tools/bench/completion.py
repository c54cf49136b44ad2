"""How long whole decisions take with the real local model (spec row PRV-19: 95 of 100 completions within 2 s).

The first row is that limit, so that the ratios say how far below or beyond it a caller waits. Nothing is cached, and
the length of an answer is the one that the router gives where a question names none.
"""

import asyncio
from itertools import cycle

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.engine.v1.engine_pb2 import DecideRequest, Question
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub
from tools.bench.load import Measured, measure
from tools.bench.mesh import edge, mesh
from tools.bench.table import table
from tools.up.folder import Folder

LIMIT_MS = 2000.0
CALLS = 40
WARM_UP = 4
TIMEOUT_S = 60.0
QUERIES = (
    "How many days of annual leave does a full-time employee get?",
    "What must be checked before a supplier is approved?",
    "Explain in two sentences why a pension is paid monthly.",
    "Which documents does a new colleague bring on the first day?",
)


def main() -> None:
    """Start a mesh of its own with the local model, measure, print, stop it."""
    with mesh() as folder:
        _print(asyncio.run(_measured(folder)))


async def _measured(folder: Folder) -> Measured:
    queries = cycle(QUERIES)
    async with edge(folder) as channel:
        engine = EngineServiceStub(channel)

        async def decide() -> object:
            question = Question(query=next(queries), domain=DOMAIN_GENERAL, task_type=TASK_TYPE_ANALYSIS, fresh=True)
            return await engine.Decide(DecideRequest(question=question), timeout=TIMEOUT_S)

        return await measure(decide, calls=CALLS, in_flight=1, warm_up=WARM_UP)


def _print(decided: Measured) -> None:
    rows = {"limit": (None, LIMIT_MS), "decide, local model": (decided.percentile_ms(50), decided.percentile_ms(95))}
    print(f"whole decisions with the local model, {CALLS} one after the other")
    print(table(("p50 ms", "p95 ms"), rows))
