"""A light look at each provider from time to time, so that listing the models calls nobody."""

import asyncio
from collections.abc import Sequence

import grpc

from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceStub
from services.chassis.errors import MeshError
from services.router.adapters.route import ORDER_KEY

_PATIENCE_S = 5.0
"""Seconds that one look may take."""
_SOON_S = 1.0
"""Seconds after which a provider that did not answer is looked at again: it should not be passed over for longer."""
_ILL = 2
"""Looks in vain after which a provider is passed over; a single one may have met a busy moment."""


class HealthPoll:
    """Implements the Health port while ``watch`` runs."""

    def __init__(self, channel: grpc.aio.Channel, providers: Sequence[str], *, interval_s: float) -> None:
        self._stub = ProviderServiceStub(channel)
        self._interval_s = interval_s
        self._seen: dict[str, bool | None] = dict.fromkeys(providers)
        self._in_vain = dict.fromkeys(providers, 0)

    def seen(self, provider: str) -> bool | None:
        """Tell whether it answered; None where it was not asked yet."""
        return self._seen.get(provider)

    def ill(self, provider: str) -> bool:
        """Tell whether it did not answer several times in a row."""
        return self._in_vain.get(provider, 0) >= _ILL

    async def watch(self) -> None:
        """Look at every provider now and then after each interval, until cancelled; at one that fails, more often."""
        async with asyncio.TaskGroup() as group:
            for provider in self._seen:
                group.create_task(self._keep_asking(provider))

    async def _keep_asking(self, provider: str) -> None:
        while True:
            await self._ask(provider)
            await asyncio.sleep(min(self._interval_s, _SOON_S) if self._in_vain[provider] else self._interval_s)

    async def look(self) -> None:
        """Look at every provider once."""
        async with asyncio.TaskGroup() as group:
            for provider in self._seen:
                group.create_task(self._ask(provider))

    async def _ask(self, provider: str) -> None:
        try:
            info = await self._stub.GetInfo(
                pb.GetInfoRequest(), timeout=min(self._interval_s, _PATIENCE_S), metadata=((ORDER_KEY, provider),)
            )
        except MeshError:
            self._seen[provider] = False
        else:
            self._seen[provider] = info.healthy
        self._in_vain[provider] = 0 if self._seen[provider] else self._in_vain[provider] + 1
