"""CriticService: Screen, Review and the two tables."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc

from magistrate.critic.v1 import critic_pb2 as pb
from magistrate.critic.v1 import critic_pb2_grpc
from services.chassis.call import remaining_s
from services.chassis.clock import Clock
from services.chassis.metrics import counter
from services.critic.core.clauses import CLAUSES
from services.critic.core.screening import screen
from services.critic.editions import Editions
from services.critic.panel import Panel
from services.critic.servicer.replies import clause_message, critic_message, evaluation_message, screen_message
from services.critic.servicer.requests import material_of, text_of

REPLY_SHARE = 0.9
"""Share of the time left that critics may use; the rest is for the answer to arrive with those that are done."""
INLINE_CHARS = 2_000
"""Texts up to this length are screened in a few milliseconds, on the event loop."""

_SCREENED = counter(
    "magistrate_screened_total", "Texts that were screened, by what is to be done with them.", ("action",)
)
_Context = grpc.aio.ServicerContext[Any, Any]  # Any: gRPC's context is not generic over what we use of it


@dataclass(frozen=True, kw_only=True)
class CriticServicer(critic_pb2_grpc.CriticServiceServicer):
    """Implements magistrate.critic.v1.CriticService."""

    panel: Panel
    editions: Editions
    clock: Clock

    async def Screen(
        self,
        request: pb.ScreenRequest,
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.ScreenResponse:
        """Return what is to be done with a text, and why."""
        text, begun = text_of(request), self.clock.monotonic()
        verdict = screen(text) if len(text) <= INLINE_CHARS else await asyncio.to_thread(screen, text)
        _SCREENED.labels(verdict.action.name.lower()).inc()
        return screen_message(verdict, self.clock.monotonic() - begun)

    async def Review(
        self,
        request: pb.ReviewRequest,
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.ReviewResponse:
        """Return one sealed evaluation per critic."""
        material, seats = material_of(request), self.editions.asked(request.critics)
        left = remaining_s()
        opinions = await self.panel.review(material, seats, within_s=None if left is None else left * REPLY_SHARE)
        return pb.ReviewResponse(evaluations=[evaluation_message(opinion) for opinion in opinions])

    async def ListCritics(
        self,
        request: pb.ListCriticsRequest,  # noqa: ARG002 - an empty message
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.ListCriticsResponse:
        """Return the critics in the order of priority."""
        return pb.ListCriticsResponse(
            critics=[critic_message(seat, self.editions.versions(seat.mandate.name)) for seat in self.editions.in_force]
        )

    async def ListClauses(
        self,
        request: pb.ListClausesRequest,  # noqa: ARG002 - an empty message
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.ListClausesResponse:
        """Return the 22 clauses by charter."""
        return pb.ListClausesResponse(clauses=[clause_message(clause) for clause in CLAUSES])
