"""What hedging does to the tail: 5 % of the first provider's calls stall for 2 s, with and without a second provider.

Real Envoy, real router, real adapters and ledger; only the two vendors are fake, and they stall by a seeded script. The
baseline names the model, so that nobody may join: the same way otherwise.
"""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx

from magistrate.common.v1.task_pb2 import DOMAIN_GENERAL, TASK_TYPE_ANALYSIS
from magistrate.router.v1 import router_pb2 as pb
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from tools.bench.load import Call, Measured, measure
from tools.bench.mesh import mesh
from tools.bench.table import table

CALLS = 400
IN_FLIGHT = 4
WARM_UP = 100
STALLED = 0.05
SEED = 2026
TIMEOUT_S = 30.0
MODEL = "smollm2-135m"
METADATA = (
    ("x-magistrate-tenant", "bench"),
    ("x-magistrate-subject", "bench"),
    ("x-magistrate-roles", "admin"),
)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of calls, and what the vendors saw of it."""

    measured: Measured
    vendor_calls: int

    @property
    def extra_percent(self) -> float:
        """Return the vendor calls beyond one for each call, of a hundred."""
        return 100 * (self.vendor_calls - CALLS - WARM_UP) / (CALLS + WARM_UP)


def main() -> None:
    """Start a mesh with two fake vendors, measure, print, stop it."""
    with (
        _vendor() as first,
        _vendor() as second,
        mesh(f"--provider=local={first}", f"--provider=openai={second}") as folder,
    ):
        _print(*asyncio.run(_runs(folder.root, first, second)))


@contextmanager
def _vendor() -> Iterator[str]:
    """Yield the address of a fake vendor in a process of its own."""
    command = (sys.executable, "-m", "tests.fakes.vendors")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as vendor:
        try:
            yield next(iter(vendor.stdout or ()), "").strip().removesuffix("/v1")
        finally:
            vendor.terminate()


async def _runs(folder: Path, first: str, second: str) -> tuple[Run, Run]:
    async with grpc.aio.insecure_channel(f"unix:{folder}/run/engine-egress.sock") as channel:
        router = RouterServiceStub(channel)

        def ask(model: str) -> Call:
            routing = pb.RoutingRequest(
                query="How many days of annual leave does a full-time employee get?",
                domain=DOMAIN_GENERAL,
                task_type=TASK_TYPE_ANALYSIS,
                model=model,
                cache_use=pb.CACHE_USE_BYPASS,
            )

            async def call() -> object:
                return await router.Generate(pb.GenerateRequest(routing=routing), timeout=TIMEOUT_S, metadata=METADATA)

            return call

        alone = await _run(ask(MODEL), first, second)
        return alone, await _run(ask(""), first, second)


async def _run(call: Call, first: str, second: str) -> Run:
    """Make the calls while the first vendor stalls by the script, the same for every run."""
    draws = random.Random(SEED)  # noqa: S311 - a run that repeats itself
    script = ["slow" if draws.random() < STALLED else "instant" for _ in range(2 * (CALLS + WARM_UP))]
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(f"{first}/script", json={"script": ",".join(script)})
        await client.post(f"{second}/script", json={"script": "instant"})
        measured = await measure(call, calls=CALLS, in_flight=IN_FLIGHT, warm_up=WARM_UP)
        counted = [(await client.get(f"{vendor}/calls")).json()["calls"] for vendor in (first, second)]
    return Run(measured=measured, vendor_calls=sum(counted))


def _print(alone: Run, hedged: Run) -> None:
    columns = ("p50 ms", "p99 ms", "extra calls %")
    rows = {
        name: (run.measured.percentile_ms(50), run.measured.percentile_ms(99), run.extra_percent)
        for name, run in (("one provider", alone), ("hedged", hedged))
    }
    print(f"{STALLED:.0%} of the first provider's calls stall for 2 s, {IN_FLIGHT} in flight")
    print(table(columns, rows))
