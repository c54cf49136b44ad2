"""What judging past decisions again costs, beside making them, and that memory does not grow with their number.

Decisions are made with a vendor that answers at once, so that a slow model flatters nobody.
"""

import asyncio
import time
from pathlib import Path

import grpc

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.engine.v1.engine_pb2 import DecideRequest, Question, ReadjudicateRequest
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub, ReplayServiceStub
from tools.bench.load import measure
from tools.bench.mesh import edge, instant_vendor, mesh
from tools.bench.table import table
from tools.up.control import serving
from tools.up.folder import Folder

DECISIONS = 1_000
SWEEPS = 3
"""Times that all of them are judged again while the engine's memory is watched."""
IN_FLIGHT = 8
"""As many decisions are judged side by side."""
TIMEOUT_S = 300.0
QUERY = "How many days of annual leave does a full-time employee get?"


def main() -> None:
    """Start a mesh of its own, measure, print, stop it."""
    with instant_vendor() as url, mesh(f"--provider=local={url}") as folder:
        asyncio.run(_report(folder))


async def _report(folder: Folder) -> None:
    async with edge(folder) as channel:
        made = await _decide(channel)
        by_policy = await _sweep(channel, ReadjudicateRequest(policy="cautious@1"))
        before_mib = _engine_mib(folder)
        by_critic = [
            await _sweep(channel, ReadjudicateRequest(policy="cautious@1", critics=["risk@2"])) for _ in range(SWEEPS)
        ]
        after_mib = _engine_mib(folder)
    print(f"{DECISIONS} decisions, {IN_FLIGHT} at a time")
    rows = {"decide": (made,), "by another policy": (by_policy,), "and another critic": (max(by_critic),)}
    print(table(("decisions/s",), rows))
    print(f"memory of the engine: {before_mib:.0f} MiB, after {SWEEPS * DECISIONS:,} more {after_mib:.0f} MiB")


async def _decide(channel: grpc.aio.Channel) -> float:
    engine = EngineServiceStub(channel)
    question = Question(
        query=QUERY, domain=DOMAIN_GENERAL, task_type=TASK_TYPE_ANALYSIS, max_output_tokens=32, fresh=True
    )

    async def decide() -> object:
        return await engine.Decide(DecideRequest(question=question), timeout=TIMEOUT_S)

    return (await measure(decide, calls=DECISIONS, in_flight=IN_FLIGHT, warm_up=0)).rate


async def _sweep(channel: grpc.aio.Channel, request: ReadjudicateRequest) -> float:
    """Return how many decisions were judged again a second."""
    request.since.FromSeconds(0)
    began = time.perf_counter()
    answers = [answer async for answer in ReplayServiceStub(channel).Readjudicate(request, timeout=TIMEOUT_S)]
    examined: int = answers[-1].summary.examined
    if examined != DECISIONS:
        raise RuntimeError(f"{examined} decisions were judged again, there are {DECISIONS}")
    return examined / (time.perf_counter() - began)


def _engine_mib(folder: Folder) -> float:
    """Return the resident memory of the engine's process."""
    process = serving(folder).parts["engine"].process
    if process is None:
        raise RuntimeError("the engine does not run")
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024
