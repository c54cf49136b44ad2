"""How long a call may take, on the real Envoy."""

import asyncio
import time
from statistics import median

import grpc
import pytest
from grpc import aio

from tests.fakes.backend import hang
from tests.fakes.mesh import GENERATE, FakeMesh, ask, order, reason

GET_RECORD = "/magistrate.recorder.v1.RecorderService/GetRecord"


@pytest.mark.spec("EDG-25")
async def test_a_client_s_deadline_ends_the_call_and_the_work(mesh: FakeMesh) -> None:
    """300 ms end as DEADLINE_EXCEEDED after 300 +- 50 ms (median of five), and the provider is told to stop."""
    mesh.provider("local").behaviour = hang
    durations = []
    async with mesh.egress("router") as channel:
        for _ in range(5):
            mesh.provider("local").cancelled.clear()
            started = time.monotonic()
            with pytest.raises(aio.AioRpcError) as caught:
                await ask(channel, GENERATE, timeout=0.3, metadata=order("local"))
            durations.append(time.monotonic() - started)
            await asyncio.wait_for(mesh.provider("local").cancelled.wait(), 5)

            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert median(durations) == pytest.approx(0.3, abs=0.05)


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
@pytest.mark.parametrize(("asked_s", "given_s"), [(3.0, 3.0), (3600.0, 10.0)])
async def test_the_callee_learns_the_time_that_is_left(mesh: FakeMesh, asked_s: float, given_s: float) -> None:
    """A deadline travels to the callee; one beyond the cap (10 s) arrives as the cap."""
    async with mesh.egress("engine") as channel:
        await ask(channel, GET_RECORD, timeout=asked_s)

    (seen,) = mesh.backends["recorder"].seen
    assert seen.remaining_s is not None
    assert given_s - 1 < seen.remaining_s <= given_s


@pytest.mark.spec("EDG-25")
async def test_a_caller_that_goes_away_stops_the_work(mesh: FakeMesh) -> None:
    """A cancelled call is cancelled at the callee."""
    mesh.backends["recorder"].behaviour = hang
    async with mesh.egress("engine") as channel:
        call = channel.unary_unary(GET_RECORD)(b"hello", timeout=10)
        await asyncio.wait_for(mesh.backends["recorder"].called.wait(), 5)
        call.cancel()
        await asyncio.wait_for(mesh.backends["recorder"].cancelled.wait(), 5)
