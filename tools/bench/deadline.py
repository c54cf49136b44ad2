"""How exactly a caller's deadline ends a call (EDG-25): a decision whose vendor stalls, beside the time that was given.

The first row is the limit itself, so that the ratios say how far beyond it a caller waits.
"""

import asyncio

import grpc

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.engine.v1.engine_pb2 import DecideRequest, Question
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub
from tools.bench.load import Measured, measure
from tools.bench.mesh import edge, instant_vendor, mesh
from tools.bench.table import table
from tools.up.folder import Folder

LIMIT_S = 0.3
CALLS = 60
WARM_UP = 6


def main() -> None:
    """Start a mesh of its own with a vendor that stalls for 2 s, measure, print, stop it."""
    with instant_vendor(script="slow") as url, mesh(f"--provider=local={url}") as folder:
        _print(asyncio.run(_measured(folder)))


async def _measured(folder: Folder) -> Measured:
    question = Question(query="How much leave?", domain=DOMAIN_GENERAL, task_type=TASK_TYPE_ANALYSIS, fresh=True)
    async with edge(folder) as channel:
        engine = EngineServiceStub(channel)

        async def expire() -> None:
            try:
                await engine.Decide(DecideRequest(question=question), timeout=LIMIT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise
            else:
                raise RuntimeError("a vendor that stalls for longer than the limit answered within it")

        return await measure(expire, calls=CALLS, in_flight=1, warm_up=WARM_UP)


def _print(expired: Measured) -> None:
    limit_ms = LIMIT_S * 1000
    rows = {
        "limit": (limit_ms, limit_ms),
        "decide, vendor stalls": (expired.percentile_ms(50), expired.percentile_ms(99)),
    }
    print(f"a caller's limit of {limit_ms:.0f} ms, {CALLS} calls one after the other")
    print(table(("p50 ms", "p99 ms"), rows))
