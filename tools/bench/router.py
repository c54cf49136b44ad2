"""What governing one call costs: Generate of the router with an instant provider, beside echoes over the same hops.

A call goes from its caller through Envoy to the router, from there through Envoy to the adapter of a provider, and from
the adapter over HTTP to the vendor. The echo takes the three ways with nothing between: ``Health/Check`` at the ingress
of the router, then ``CountTokens`` at the adapter, by the way out of the router, which makes one small request to the
vendor. The row "echo to the adapter" leaves the vendor out: ``GetAttempts`` of a call that nobody knows. The row
"instant model" takes the three ways to a streamed answer: what the router adds to that is a plan and the commit of a
reservation. Its settlement follows the answer; a pause after each call keeps it out of the next one's time.

Then one hot tenant: reservations and settlements a second where those that come together share a transaction, beside
one transaction each.
"""

import asyncio
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.provider.v1 import provider_pb2
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceStub
from magistrate.router.v1.router_pb2 import CACHE_USE_BYPASS, GenerateRequest, RoutingRequest
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tools.bench.ledger import shared_commits
from tools.bench.load import Call, Measured, measure
from tools.bench.mesh import instant_vendor, mesh
from tools.bench.table import table
from tools.certs.identity import DNS_SUFFIX
from tools.up import state
from tools.up.folder import Folder

SEQUENTIAL_CALLS = 300
CONCURRENT_CALLS = 1000
IN_FLIGHT = 32
WARM_UP = 60
PAUSE_S = 0.01
TIMEOUT_S = 30.0
QUERY = "How many days of annual leave does a full-time employee get?"
CALLER = (("x-magistrate-tenant", "bench"), ("x-magistrate-subject", "bench"), ("x-magistrate-roles", "user"))


def main() -> None:
    """Start a mesh of its own, measure, print, stop it."""
    with instant_vendor() as url, mesh(f"--provider=local={url}") as folder:
        asyncio.run(_report(folder))
    asyncio.run(shared_commits())


async def _report(folder: Folder) -> None:
    record = state.read(folder)
    way_out = f"unix:{Path(record.run_dir) / 'router-egress.sock'}"
    async with _ingress(folder, record.ports["router"]) as way_in, grpc.aio.insecure_channel(way_out) as provider:
        calls = _calls(way_in, provider)
        alone = await _alone(calls)
        loaded = {name: await _loaded(call) for name, call in calls.items()}
    columns = ("p50 ms alone", "p99 ms alone", f"calls/s, {IN_FLIGHT} at once")
    rows = {name: (alone[name].percentile_ms(50), alone[name].percentile_ms(99), loaded[name].rate) for name in calls}
    added = rows["router Generate"][0] - rows["instant model"][0]
    print("router with an instant provider, beside bare echoes over the same hops")
    print(table(columns, rows))
    print(f"the router adds {added:.1f} ms at p50, {added / rows['echo'][0]:.2f} x the echo\n")


def _calls(way_in: grpc.aio.Channel, way_out: grpc.aio.Channel) -> dict[str, Call]:
    router, health, provider = (
        RouterServiceStub(way_in),
        health_pb2_grpc.HealthStub(way_in),
        ProviderServiceStub(way_out),
    )
    routing = RoutingRequest(
        query=QUERY,
        domain=DOMAIN_GENERAL,
        task_type=TASK_TYPE_ANALYSIS,
        max_output_tokens=32,
        cache_use=CACHE_USE_BYPASS,
    )
    numbers = count()
    system, user = provider_pb2.MESSAGE_ROLE_SYSTEM, provider_pb2.MESSAGE_ROLE_USER
    messages = [provider_pb2.Message(role=role, content=QUERY) for role in (system, user)]

    def to_local() -> tuple[tuple[str, str], ...]:
        return (*CALLER, ("x-magistrate-providers", "local"), ("x-magistrate-call", f"bench-{next(numbers)}"))

    async def there() -> None:
        await health.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)

    async def echo() -> object:
        await there()
        counted = provider_pb2.CountTokensRequest(messages=messages)
        return await provider.CountTokens(counted, timeout=TIMEOUT_S, metadata=to_local())

    async def to_the_adapter() -> object:
        await there()
        unknown = provider_pb2.GetAttemptsRequest(call_id="unknown")
        return await provider.GetAttempts(unknown, timeout=TIMEOUT_S, metadata=to_local())

    async def model() -> object:
        await there()
        generation = provider_pb2.Generation(messages=messages, max_output_tokens=32)
        request = provider_pb2.GenerateRequest(generation=generation)
        return await provider.Generate(request, timeout=TIMEOUT_S, metadata=to_local())

    async def generate() -> object:
        return await router.Generate(GenerateRequest(routing=routing), timeout=TIMEOUT_S, metadata=CALLER)

    return {"echo": echo, "echo to the adapter": to_the_adapter, "instant model": model, "router Generate": generate}


def _ingress(folder: Folder, port: int) -> grpc.aio.Channel:
    """Return a channel to the router's ingress as the engine opens it."""
    home = folder.root / "certs" / "engine"
    tls = grpc.ssl_channel_credentials(*((home / name).read_bytes() for name in ("ca.crt", "tls.key", "tls.crt")))
    name = f"router.{DNS_SUFFIX}"
    return grpc.aio.secure_channel(
        f"127.0.0.1:{port}",
        tls,
        options=[("grpc.ssl_target_name_override", name), ("grpc.default_authority", name)],
    )


async def _alone(calls: Mapping[str, Call]) -> dict[str, Measured]:
    """Make the calls in turn, one at a time, so that whatever else the machine does meets them alike."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(WARM_UP + SEQUENTIAL_CALLS):
        for name, call in calls.items():
            began = time.perf_counter()
            await call()
            took[name].append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_S)
    counted = {name: sorted(seconds[WARM_UP:]) for name, seconds in took.items()}
    return {name: Measured(latencies_s=tuple(seconds), wall_s=sum(seconds)) for name, seconds in counted.items()}


async def _loaded(call: Call) -> Measured:
    return await measure(call, calls=CONCURRENT_CALLS, in_flight=IN_FLIGHT, warm_up=WARM_UP)
