"""No way in which a call can end costs a connection."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from services.provider.adapters.connections import Connections
from tests.fakes.vendors import Answer, FakeVendor, Silence, Step

TURNS = range(6)
"""Turns of the event loop between two cancellations: the second meets every moment of the first."""
_PATIENCE_S = 10.0


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client with two connections: the third lost one would be missed."""
    limits = httpx.Limits(max_connections=2, max_keepalive_connections=2)
    async with httpx.AsyncClient(transport=Connections(limits=limits, trust_env=False), timeout=_PATIENCE_S) as client:
        yield client


async def ask(client: httpx.AsyncClient, vendor: FakeVendor) -> bytes:
    """Ask for a streamed answer and read all of it."""
    async with client.stream("POST", f"{vendor.base_url}/chat/completions", json=_REQUEST) as reply:
        return await reply.aread()


_REQUEST = {"model": "m", "stream": True, "messages": []}


@pytest.mark.spec("PRV-02", "ENG-43")
@pytest.mark.parametrize("step", [Silence(), Answer(stall_after=2)], ids=["before the reply", "within the body"])
async def test_a_call_cancelled_twice_gives_its_connection_back(client: httpx.AsyncClient, step: Step) -> None:
    """Timeout and disconnection in the same moment, twenty-four times over: the next call still works."""
    async with FakeVendor(script=[step]) as vendor:
        for turns in [*TURNS] * 4:
            vendor.arrived.clear()
            task = asyncio.create_task(ask(client, vendor))
            await asyncio.wait_for(vendor.arrived.wait(), _PATIENCE_S)
            for _ in range(50 if isinstance(step, Answer) else 0):
                await asyncio.sleep(0)
            task.cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        vendor.restart([Answer()])

        assert b"[DONE]" in await ask(client, vendor)


async def test_a_whole_answer_keeps_its_connection(client: httpx.AsyncClient) -> None:
    """Calls one after the other use one connection."""
    async with FakeVendor() as vendor:
        for _ in range(3):
            await ask(client, vendor)

        assert vendor.connections == 1
