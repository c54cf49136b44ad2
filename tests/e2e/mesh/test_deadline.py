"""A caller's deadline holds over every hop, and work that nobody waits for ends."""

import asyncio
import os
import signal

import grpc
import pytest

from magistrate.context.v1.context_pb2 import SearchRequest
from magistrate.context.v1.context_pb2_grpc import ContextServiceStub
from magistrate.engine.v1.engine_pb2 import DecideRequest
from tests.e2e.mesh.mesh import EXPIRED, Client, Failure, Mesh, question
from tests.fakes.vendors import Silence

LIMIT_S = 2.0
"""Far below every default, and long enough for a question to reach its vendor."""


@pytest.mark.spec("ENG-13", "EDG-25")
async def test_a_caller_s_deadline_ends_the_call_and_the_work(mesh: Mesh, client: Client) -> None:
    """DEADLINE_EXCEEDED, and every vendor that was asked sees its call end; how exactly, the benchmark says."""
    mesh.local.play(Silence())
    mesh.openai.play(Silence())
    while not mesh.local.calls:  # a busy machine may need all of the time before it comes to the vendor
        assert await client.refused(DecideRequest(question=question()), limit_s=LIMIT_S) in EXPIRED

    for vendor in (mesh.local, mesh.openai):
        await vendor.cancelled(vendor.calls)


@pytest.mark.spec("ENG-13")
async def test_a_caller_that_goes_away_stops_the_work(mesh: Mesh, client: Client) -> None:
    """The vendor sees the connection close as soon as the caller cancels."""
    mesh.local.play(Silence())
    mesh.openai.play(Silence())
    call = asyncio.create_task(client.decide())
    await mesh.local.called()
    call.cancel()

    await mesh.local.cancelled()


@pytest.mark.spec("EDG-25")
async def test_a_call_without_a_deadline_gets_the_default(mesh: Mesh, client: Client) -> None:
    """A frozen service does not hold a caller for ever who named no time: the default of the method ends the call."""
    context = ContextServiceStub(client.channel)
    frozen = mesh.stack.send("context", signal.SIGSTOP)
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await context.Search(SearchRequest(query="leave"), timeout=None, metadata=client.metadata)
    finally:
        os.kill(frozen.pid, signal.SIGCONT)

    assert Failure.of(caught.value) in EXPIRED
    assert (await client.decide()).context.provenance


async def test_a_short_deadline_of_one_caller_harms_no_other(mesh: Mesh, client: Client) -> None:
    """Callers who give the first provider too little time do not drive it out of the order for the rest."""
    mesh.local.play(Silence())
    for _ in range(10):
        await client.refused(DecideRequest(question=question()), limit_s=0.15)
    mesh.calm()

    assert (await client.decide()).route.provider == "local"
