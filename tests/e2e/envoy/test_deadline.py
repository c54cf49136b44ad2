"""How long a call may take, on the real Envoy."""

import asyncio

import grpc
import pytest
from grpc import aio

from tests.fakes.backend import hang
from tests.fakes.mesh import GENERATE, FakeMesh, ask, order, reason, unary

GET_RECORD = "/magistrate.recorder.v1.RecorderService/GetRecord"
DEFAULT_S, CAP_S = 5.0, 10.0
"""What the topology gives the method where a caller names no time, and at most."""
ROUNDING = 1.01
"""gRPC rounds the time that it sends up, by one part in a hundred at most."""


@pytest.mark.spec("EDG-25")
async def test_a_client_s_deadline_ends_the_call_and_the_work(mesh: FakeMesh) -> None:
    """A provider that never answers is told to stop when the caller's time is over; how exactly, the benchmark says."""
    mesh.provider("local").behaviour = hang
    async with mesh.egress("router") as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, GENERATE, timeout=2.0, metadata=order("local"))
        await mesh.provider("local").cancelled.wait()

    (seen,) = mesh.provider("local").seen
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert seen.remaining_s is not None
    assert seen.remaining_s <= 2.0 * ROUNDING


@pytest.mark.spec("EDG-25")
async def test_a_call_without_a_deadline_gets_the_default(mesh: FakeMesh) -> None:
    """Nobody waits for ever: the topology's default (5 s) ends the call with a typed reason and stops the work."""
    mesh.backends["recorder"].behaviour = hang
    async with mesh.egress("engine") as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, GET_RECORD, timeout=None)
        await asyncio.wait_for(mesh.backends["recorder"].cancelled.wait(), 5)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert reason(caught.value) == "DEADLINE_EXPIRED"


@pytest.mark.spec("EDG-25")
@pytest.mark.parametrize(("asked_s", "least_s", "most_s"), [(3.0, 0.0, 3.0), (3600.0, DEFAULT_S, CAP_S)])
async def test_the_callee_learns_the_time_that_is_left(
    mesh: FakeMesh, asked_s: float, least_s: float, most_s: float
) -> None:
    """A deadline travels to the callee; one beyond the cap arrives as the cap, which is more than the default."""
    async with mesh.egress("engine") as channel:
        await ask(channel, GET_RECORD, timeout=asked_s)

    (seen,) = mesh.backends["recorder"].seen
    assert seen.remaining_s is not None
    assert least_s < seen.remaining_s <= most_s * ROUNDING


@pytest.mark.spec("EDG-25")
async def test_a_caller_that_goes_away_stops_the_work(mesh: FakeMesh) -> None:
    """A cancelled call is cancelled at the callee."""
    mesh.backends["recorder"].behaviour = hang
    async with mesh.egress("engine") as channel:
        call = unary(channel, GET_RECORD)(b"hello", timeout=10)
        await asyncio.wait_for(mesh.backends["recorder"].called.wait(), 5)
        call.cancel()
        await asyncio.wait_for(mesh.backends["recorder"].cancelled.wait(), 5)
