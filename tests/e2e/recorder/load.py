"""Producers that never give up a record: each is sent under its key until it is acknowledged."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from magistrate.recorder.v1 import recorder_pb2 as pb
from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceStub
from services.chassis.call import Principal
from services.chassis.client import Departures, open_channel
from services.chassis.errors import MeshError

if TYPE_CHECKING:
    from magistrate.recorder.v1.recorder_pb2_grpc import RecorderServiceAsyncStub

TENANT = Principal(tenant="acme", subject="load", roles=())
PRODUCERS = 32
PAUSE_S = 0.05
"""What a producer waits before it sends a refused record again."""
REPEAT_EVERY = 10
"""Every tenth acknowledged record is sent once more."""


@dataclass(slots=True)
class Acknowledged:
    """Every acknowledgement that any producer has got, by key; a key may have several."""

    positions: dict[str, list[pb.Position]] = field(default_factory=dict)
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, key: str, position: pb.Position) -> None:
        """Note an acknowledgement."""
        async with self.grown:
            self.positions.setdefault(key, []).append(position)
            self.grown.notify_all()

    async def reach(self, count: int) -> None:
        """Wait until so many keys are acknowledged."""
        async with self.grown:
            await self.grown.wait_for(lambda: len(self.positions) >= count)

    async def more(self, count: int) -> None:
        """Wait until so many further keys are acknowledged."""
        await self.reach(len(self.positions) + count)


@asynccontextmanager
async def load(*sockets: Path, prefix: str = "key") -> AsyncIterator[Acknowledged]:
    """Yield the acknowledgements of producers that send to the recorders at ``sockets`` in turn until the end.

    Keys begin with ``prefix``, so that two loads of one log do not share any.
    """
    acknowledged, numbers = Acknowledged(), itertools.count()
    channels = [open_channel(str(path), Departures(default_timeout_s=5, principal=TENANT)) for path in sockets]
    stubs = [RecorderServiceStub(channel) for channel in channels]
    stopping = asyncio.Event()

    async def produce(turns: "itertools.cycle[RecorderServiceAsyncStub]") -> None:
        while not stopping.is_set():
            key = f"{prefix}-{next(numbers)}"
            await _send(turns, key, acknowledged)
            if len(acknowledged.positions) % REPEAT_EVERY == 0:
                await _send(turns, key, acknowledged)

    try:
        async with asyncio.TaskGroup() as producers:
            for _ in range(PRODUCERS):
                producers.create_task(produce(itertools.cycle(stubs)))
            try:
                yield acknowledged
            finally:
                stopping.set()
    finally:
        for channel in channels:
            await channel.close()


async def _send(turns: "itertools.cycle[RecorderServiceAsyncStub]", key: str, acknowledged: Acknowledged) -> None:
    """Send one record until it is acknowledged."""
    entry = pb.Entry(
        idempotency_key=key,
        kind=pb.RECORD_KIND_ATTEMPT,
        decision_id=key,
        payload=key.encode() * 100,
        content_type="text/plain",
    )
    while True:
        try:
            reply = await next(turns).Append(pb.AppendRequest(entry=entry))
        except MeshError:
            await asyncio.sleep(PAUSE_S)
        else:
            await acknowledged.add(key, reply.position)
            return
