"""Stopping the stack lets the work in flight end."""

import asyncio

from magistrate.common.v1.task_pb2 import Domain, TaskType
from magistrate.engine.v1.engine_pb2 import DecideRequest, DecideResponse, Question
from magistrate.engine.v1.engine_pb2_grpc import EngineServiceStub
from tests.fakes.stack import Stack, state_folder
from tests.fakes.vendors import Answer, FakeVendor

CALLS = 12
THINKING_S = 2.0
"""How long the vendor thinks: long enough that every decision is under way when the stack is told to stop."""


async def test_decisions_in_flight_are_made_before_the_stack_is_gone() -> None:
    """SIGTERM under load fails none of the calls that were accepted, and their evidence is durable."""
    async with FakeVendor(script=[Answer(delay_s=THINKING_S)]) as vendor:
        with state_folder() as stack:
            started = await asyncio.to_thread(stack.up, "--no-sample", "--provider", f"local={vendor.base_url}")
            assert started.returncode == 0, started.stderr
            replies = await _stopped_while_deciding(stack, vendor)

    assert len({reply.decision.evidence.index for reply in replies}) == CALLS


async def _stopped_while_deciding(stack: Stack, vendor: FakeVendor) -> list[DecideResponse]:
    async with stack.channel() as channel:
        engine, metadata = EngineServiceStub(channel), stack.metadata()
        calls = [engine.Decide(_request(n), timeout=60, metadata=metadata) for n in range(CALLS)]
        while len(vendor.calls) < CALLS:
            vendor.arrived.clear()
            await vendor.arrived.wait()
        stopping = asyncio.create_task(asyncio.to_thread(stack.run, "down"))
        replies = [await call for call in calls]
        stopped = await stopping

    assert stopped.returncode == 0, stopped.stderr
    return replies


def _request(number: int) -> DecideRequest:
    question = Question(
        query=f"How many days of leave are there? {number}",
        domain=Domain.DOMAIN_GENERAL,
        task_type=TaskType.TASK_TYPE_ANALYSIS,
    )
    return DecideRequest(question=question)
