"""What the router makes of the proxy's count: how many providers were asked, and how long the winner took."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceServicer, add_ProviderServiceServicer_to_server
from services.chassis.errors import unavailable
from services.chassis.testing import Registration, serving
from services.router.adapters.route import ATTEMPTS_KEY, HedgedRoute
from services.router.core.plan import Plan
from services.router.core.recovery import Leg
from services.router.ports import Unanswered
from tests.unit.router.requests import POLICY, planned

TOOK = timedelta(minutes=7)
"""What the vendor took, as its adapter tells; more than a test does."""
SENT = 7
"""How often the proxy says that it sent the call out."""
TWO = planned()
LONE = planned(replace(POLICY, providers=TWO.order[:1]))


class Proxied(ProviderServiceServicer):
    """A provider, and the proxy's count on the way back."""

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:  # noqa: N802 - the contract
        """Answer in one message."""
        context.set_trailing_metadata(((ATTEMPTS_KEY, str(SENT)),))
        return _reply()

    async def GenerateStream(  # noqa: N802 - the contract
        self, request: pb.GenerateStreamRequest, context: Any
    ) -> AsyncIterator[pb.GenerateStreamResponse]:
        """Answer in one piece."""
        await context.send_initial_metadata(((ATTEMPTS_KEY, str(SENT)),))
        yield pb.GenerateStreamResponse(text="twenty")
        yield pb.GenerateStreamResponse(summary=_reply())


class Failing(ProviderServiceServicer):
    """A provider that is away, and the proxy's count on the way back."""

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:  # noqa: N802 - the contract
        """Fail."""
        await context.send_initial_metadata(((ATTEMPTS_KEY, str(SENT)),))
        raise unavailable("DEPENDENCY_UNAVAILABLE", "away")


@asynccontextmanager
async def route(servicer: ProviderServiceServicer) -> AsyncIterator[HedgedRoute]:
    """Yield a way out that leads to ``servicer``."""
    name = "magistrate.provider.v1.ProviderService"
    async with serving([Registration(add_ProviderServiceServicer_to_server, servicer, name)]) as channel:
        yield HedgedRoute(channel, timeout_s=5.0)


@pytest.mark.spec("RTR-03", "T18")
@pytest.mark.parametrize(("plan", "tries"), [(LONE, 1), (TWO, SENT)], ids=["alone", "in an order"])
async def test_repeats_to_a_lone_provider_are_no_tries(plan: Plan, tries: int) -> None:
    """They bridge its restart, and nobody has joined: in an order of providers each one that is sent out counts."""
    async with route(Proxied()) as out:
        reply = await out.generate(plan, "call-1")
        async with aclosing(out.stream(Leg(plan=plan), "call-2")) as events:
            pieces = [event.attempts async for event in events]

    assert reply.attempts == tries
    assert pieces == [tries, tries]


@pytest.mark.spec("RTR-03")
@pytest.mark.parametrize("plan", [LONE, TWO], ids=["alone", "in an order"])
async def test_waiting_for_a_restart_is_not_the_vendor_s_time(plan: Plan) -> None:
    """Where a call was sent out more than once, its adapter tells how long the answer took."""
    async with route(Proxied()) as out:
        reply = await out.generate(plan, "call-1")

    assert reply.duration == TOOK


@pytest.mark.spec("ENG-44")
@pytest.mark.parametrize(("plan", "tries"), [(LONE, 1), (TWO, SENT)], ids=["alone", "in an order"])
async def test_a_failure_counts_tries_in_the_same_way(plan: Plan, tries: int) -> None:
    """What a caller reads of a failed call is how many providers were asked."""
    async with route(Failing()) as out:
        with pytest.raises(Unanswered) as caught:
            await out.generate(plan, "call-1")

    assert caught.value.attempts == tries


def _reply() -> pb.GenerateResponse:
    reply = pb.GenerateResponse(text="twenty", provider=TWO.order[0], finish_reason=pb.FINISH_REASON_STOP)
    reply.duration.FromTimedelta(TOOK)
    return reply
