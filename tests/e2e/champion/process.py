"""Replicas of the router as processes of their own, before one database and a recorder that can be away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from magistrate.common.v1 import task_pb2
from magistrate.recorder.v1.recorder_pb2_grpc import add_RecorderServiceServicer_to_server
from magistrate.router.v1 import router_pb2 as pb
from magistrate.router.v1.router_pb2_grpc import RouterServiceStub
from services.chassis.call import Principal
from services.chassis.client import Departures, open_channel
from services.chassis.server import MeshServer, Registration
from services.recorder.main import SERVICE
from tests.contract.recorder.client import recording
from tests.fakes.arena import Arena
from tests.fakes.postgres import Database
from tests.fakes.process import ServiceProcess

if TYPE_CHECKING:
    from magistrate.router.v1.router_pb2_grpc import RouterServiceAsyncStub

Stub: TypeAlias = "RouterServiceAsyncStub"
CALL_S = 30.0
ADMIN = Principal(tenant="acme", subject="root", roles=("admin",))
SMALL, LARGE = "gpt-4o-mini", "gpt-4-turbo"
FIELD: Arena = {"domain": task_pb2.DOMAIN_GENERAL, "task_type": task_pb2.TASK_TYPE_ANALYSIS}


SETTINGS = {
    "MAGISTRATE_ROUTER_PROVIDERS": "openai,anthropic",
    "MAGISTRATE_ROUTER_STRATEGY": "domain",
    "MAGISTRATE_ROUTER_EXPLORE_SHARE": "0",
}


@dataclass(slots=True)
class Replica(ServiceProcess):
    """A router."""

    @asynccontextmanager
    async def client(self, principal: Principal = ADMIN) -> AsyncIterator[Stub]:
        """Yield a client of this replica."""
        departures = Departures(default_timeout_s=CALL_S, principal=principal)
        channel = open_channel(str(self.socket), departures)
        try:
            yield RouterServiceStub(channel)
        finally:
            await channel.close()

    @asynccontextmanager
    async def recorder(self, keys: Path) -> AsyncIterator[None]:
        """Let a real recorder stand where this replica's way out leads."""
        async with recording(self.database, keys) as recorder:
            registration = Registration(add_RecorderServiceServicer_to_server, recorder.servicer, SERVICE)
            server = MeshServer([registration], pending={})
            await server.start(self.run_dir / "router-egress.sock")
            await server.ready()
            try:
                yield
            finally:
                await server.drain(delay_s=0, grace_s=5)


@asynccontextmanager
async def replicas(folder: Path, database: Database, count: int = 1, **settings: str) -> AsyncIterator[list[Replica]]:
    """Yield ``count`` running replicas; all are gone afterwards."""
    started = []
    async with AsyncExitStack() as stack:
        for number in range(count):
            run_dir = folder / f"r{number}"
            run_dir.mkdir()
            replica = Replica(
                name="router", run_dir=run_dir, database=database, schema="router", settings=SETTINGS | settings
            )
            await replica.start()
            stack.push_async_callback(replica.kill)
            started.append(replica)
        yield started


def score(decision_id: str, model: str, value: float) -> pb.ReportScoreRequest:
    """Return a report."""
    return pb.ReportScoreRequest(decision_id=decision_id, model=model, score=value, **FIELD)


async def told(stub: Stub) -> pb.GetChampionResponse:
    """Return champion, challengers and every score."""
    request = pb.GetChampionRequest(score_page_size=1000, **FIELD)
    reply = page = await stub.GetChampion(request)
    while page.next_score_page_token:
        request.score_page_token = page.next_score_page_token
        page = await stub.GetChampion(request)
        reply.scores.extend(page.scores)
    return reply


async def champion_of_plan(stub: Stub) -> tuple[str, int]:
    """Return which model a plan puts first now, and the version that it names."""
    routing = pb.RoutingRequest(query="How many days of leave do I have?", **FIELD)
    reply = await stub.PlanRoute(pb.PlanRouteRequest(routing=routing))
    return reply.route.model, reply.route.champion_version
