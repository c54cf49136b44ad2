"""What governing costs: a whole decision with an instant provider, beside a bare echo through the same edge.

The echo is ``grpc.health.v1.Health/Check`` of the engine: the same client, TLS, token, gate and proxies as ``Decide``,
and then nothing. A decision adds seven stages, six services and their proxies, and a durable commit.
"""

import asyncio

from grpc_health.v1 import health_pb2, health_pb2_grpc

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.engine.v1.engine_pb2 import DecideRequest, Question
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub
from tools.bench.load import Call, Measured, measure
from tools.bench.mesh import edge, instant_vendor, mesh
from tools.bench.table import table
from tools.up.folder import Folder

SEQUENTIAL_CALLS = 200
CONCURRENT_CALLS = 600
IN_FLIGHT = 32
WARM_UP = 40
TIMEOUT_S = 30.0
QUERY = "How many days of annual leave does a full-time employee get?"


def main() -> None:
    """Start a mesh of its own, measure, print, stop it."""
    with instant_vendor() as url, mesh(f"--provider=local={url}") as folder:
        asyncio.run(_report(folder))


async def _report(folder: Folder) -> None:
    async with edge(folder) as channel:
        engine, health = EngineServiceStub(channel), health_pb2_grpc.HealthStub(channel)
        question = Question(
            query=QUERY, domain=DOMAIN_GENERAL, task_type=TASK_TYPE_ANALYSIS, max_output_tokens=32, fresh=True
        )

        async def decide() -> object:
            return await engine.Decide(DecideRequest(question=question), timeout=TIMEOUT_S)

        async def echo() -> object:
            return await health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)

        alone = {"echo": await _alone(echo), "decide": await _alone(decide)}
        loaded = {"echo": await _loaded(echo), "decide": await _loaded(decide)}
    _print(alone, loaded)


async def _alone(call: Call) -> Measured:
    return await measure(call, calls=SEQUENTIAL_CALLS, in_flight=1, warm_up=WARM_UP)


async def _loaded(call: Call) -> Measured:
    return await measure(call, calls=CONCURRENT_CALLS, in_flight=IN_FLIGHT, warm_up=WARM_UP)


def _print(alone: dict[str, Measured], loaded: dict[str, Measured]) -> None:
    columns = ("p50 ms alone", "p99 ms alone", f"calls/s, {IN_FLIGHT} at once")
    rows = {
        name: (alone[name].percentile_ms(50), alone[name].percentile_ms(99), loaded[name].rate)
        for name in ("echo", "decide")
    }
    print("decide with an instant provider, beside a bare echo through the same edge")
    print(table(columns, rows))
