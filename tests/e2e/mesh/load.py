"""Callers that ask for decisions one after the other without pause while the test hurts the mesh."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from magistrate.engine.v1.engine_pb2 import Decision
from tests.e2e.mesh.mesh import CALL_LIMIT_S, Client, Failure, Mesh

CALLERS = 4
PATIENCE_S = 60.0
PAUSE_S = 0.02
"""What a caller waits after a refusal: a mesh that refuses at once is not to be asked a thousand times a second."""


@dataclass(slots=True)
class Outcomes:
    """Every answer and every failure so far, each in the order in which it came."""

    decisions: list[Decision] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    _grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, outcome: Decision | Failure) -> None:
        """Note how a call ended."""
        async with self._grown:
            if isinstance(outcome, Failure):
                self.failures.append(outcome)
            else:
                self.decisions.append(outcome)
            self._grown.notify_all()

    async def more(self, count: int) -> None:
        """Wait for so many further answers."""
        goal = len(self.decisions) + count
        await self.until(lambda: len(self.decisions) >= goal)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until a call has ended and ``happened`` then holds."""
        async with asyncio.timeout(PATIENCE_S), self._grown:
            await self._grown.wait_for(happened)


@asynccontextmanager
async def load(mesh: Mesh, *, callers: int = CALLERS, limit_s: float = CALL_LIMIT_S) -> AsyncIterator[Outcomes]:
    """Yield the outcomes of callers that ask until the body ends; each then ends the call it is in."""
    outcomes, stopping = Outcomes(), asyncio.Event()

    async def ask(client: Client) -> None:
        while not stopping.is_set():
            outcome = await _outcome(client, limit_s)
            await outcomes.add(outcome)
            if isinstance(outcome, Failure):
                await asyncio.sleep(PAUSE_S)

    async with mesh.client() as client, asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(ask(client))
        try:
            yield outcomes
        finally:
            stopping.set()


async def _outcome(client: Client, limit_s: float) -> Decision | Failure:
    try:
        return await client.decide(limit_s=limit_s)
    except grpc.aio.AioRpcError as error:
        return Failure.of(error)
