"""magistrate.router.v1.RouterService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import grpc

from magistrate.router.v1 import router_pb2 as pb
from magistrate.router.v1 import router_pb2_grpc
from services.chassis import call
from services.router.core.answer import Answer
from services.router.core.recovery import Discarded
from services.router.core.request import Request
from services.router.planning.planner import Planner
from services.router.ports import Generator, Health, Pace, Streams
from services.router.servicer import costs, replies, requests
from services.router.servicer.caches import CacheCalls
from services.router.servicer.champions import ChampionCalls
from services.router.spending.costs import Costs

_Context = grpc.aio.ServicerContext[object, object]


@dataclass(frozen=True, kw_only=True)
class RouterServicer(router_pb2_grpc.RouterServiceServicer):
    """Implements the RPCs whose logic stands; ``services.pending`` names the others."""

    planner: Planner
    generator: Generator
    streamer: Streams
    health: Health
    pace: Pace
    costs: Costs
    champions: ChampionCalls
    caches: CacheCalls

    async def Generate(self, request: pb.GenerateRequest, _context: _Context) -> pb.GenerateResponse:
        """Return the first good answer of the hedged route."""
        asked = _asked_by_a_payer(request.routing)
        plan = await self.planner.plan(asked)
        answer = await self.generator.generate(asked, plan, request.routing.decision_id)
        return pb.GenerateResponse(text=answer.text, route=replies.taken_route(answer), truncated=answer.truncated)

    async def GenerateStream(
        self, request: pb.GenerateStreamRequest, _context: _Context
    ) -> AsyncIterator[pb.GenerateStreamResponse]:
        """Yield the answer as it is written and, last, its route."""
        asked = _asked_by_a_payer(request.routing, streamed=True)
        plan = await self.planner.plan(asked)
        async with aclosing(self.streamer.stream(asked, plan, request.routing.decision_id)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    yield pb.GenerateStreamResponse(route=replies.taken_route(event), truncated=event.truncated)
                elif isinstance(event, Discarded):
                    yield replies.discard(event)
                else:
                    yield pb.GenerateStreamResponse(text=event)

    async def PlanRoute(self, request: pb.PlanRouteRequest, _context: _Context) -> pb.PlanRouteResponse:
        """Explain what Generate would do."""
        asked = requests.read(request.routing, call.current().principal.roles)
        return replies.plan_reply(await self.planner.explain(asked))

    async def GetCostSummary(self, request: pb.GetCostSummaryRequest, _context: _Context) -> pb.GetCostSummaryResponse:
        """Tell what the tenant's day has cost."""
        return await costs.summary(self.costs, call.tenant(), request)

    async def ForgetSubject(self, request: pb.ForgetSubjectRequest, _context: _Context) -> pb.ForgetSubjectResponse:
        """Forget a person."""
        return await self.caches.forget(request)

    async def ListModels(self, _request: pb.ListModelsRequest, _context: _Context) -> pb.ListModelsResponse:
        """List the catalogue with what was last seen of each provider."""
        enabled = self.planner.policy.providers
        pace = self.pace.first_tokens_s()
        models = sorted(self.planner.catalogue.models, key=lambda model: (model.provider, model.name))
        return pb.ListModelsResponse(
            models=[
                replies.listed(
                    model,
                    enabled=model.provider in enabled,
                    seen=self.health.seen(model.provider),
                    measured_s=pace.get(model.name),
                )
                for model in models
            ]
        )

    async def GetChampion(self, request: pb.GetChampionRequest, _context: _Context) -> pb.GetChampionResponse:
        """Tell champion and challengers of the caller's tenant."""
        return await self.champions.get(request)

    async def InvalidateCache(
        self, request: pb.InvalidateCacheRequest, _context: _Context
    ) -> pb.InvalidateCacheResponse:
        """Forget cached answers of the caller's tenant."""
        return await self.caches.invalidate(request)

    async def GetCacheStats(self, _request: pb.GetCacheStatsRequest, _context: _Context) -> pb.GetCacheStatsResponse:
        """Tell how this replica's look-ups ended."""
        return self.caches.stats()

    async def PromoteModel(self, request: pb.PromoteModelRequest, _context: _Context) -> pb.PromoteModelResponse:
        """Make a model the champion by a person's word."""
        return await self.champions.promote(request)

    async def DemoteModel(self, request: pb.DemoteModelRequest, _context: _Context) -> pb.DemoteModelResponse:
        """Take the champion down by a person's word."""
        return await self.champions.demote(request)

    async def ReportScore(self, request: pb.ReportScoreRequest, _context: _Context) -> pb.ReportScoreResponse:
        """Count the score of one decision's answer."""
        return await self.champions.report(request)


def _asked_by_a_payer(routing: pb.RoutingRequest, *, streamed: bool = False) -> Request:
    """Return what is asked; a call without a tenant is refused now, since nobody could be charged for it later."""
    call.tenant()
    requests.check_decision_id(routing.decision_id)
    return requests.read(routing, call.current().principal.roles, streamed=streamed)
