"""A light look at each provider from time to time, so that listing the models calls nobody."""

import asyncio
from collections.abc import Sequence

import grpc

from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceStub
from services.chassis.errors import MeshError
from services.router.adapters.route import ORDER_KEY


class HealthPoll:
    """Implements the Health port while ``watch`` runs."""

    def __init__(self, channel: grpc.aio.Channel, providers: Sequence[str], *, interval_s: float) -> None:
        self._stub = ProviderServiceStub(channel)
        self._interval_s = interval_s
        self._seen: dict[str, bool | None] = dict.fromkeys(providers)

    def seen(self, provider: str) -> bool | None:
        """Tell whether it answered; None where it was not asked yet."""
        return self._seen.get(provider)

    async def watch(self) -> None:
        """Look at every provider now and then after each interval, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._interval_s)

    async def look(self) -> None:
        """Look at every provider once."""
        async with asyncio.TaskGroup() as group:
            for provider in self._seen:
                group.create_task(self._ask(provider))

    async def _ask(self, provider: str) -> None:
        try:
            info = await self._stub.GetInfo(
                pb.GetInfoRequest(), timeout=self._interval_s, metadata=((ORDER_KEY, provider),)
            )
        except MeshError:
            self._seen[provider] = False
        else:
            self._seen[provider] = info.healthy
