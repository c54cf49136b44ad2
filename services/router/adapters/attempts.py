"""Asks the adapters what became of their tries."""

from datetime import UTC

import grpc

from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceStub
from services.chassis.errors import MeshError
from services.router.adapters.route import CALL_KEY, ORDER_KEY
from services.router.adapters.tries import to_told
from services.router.core.spend.testimony import Testimony


class AdapterWitness:
    """Implements the Witness port on the router's own way out."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ProviderServiceStub(channel)

    async def ask(self, call_id: str, provider: str, within_s: float) -> Testimony | None:
        """Return what the replica that had the call's tries knows of them."""
        metadata = ((ORDER_KEY, provider), (CALL_KEY, call_id))
        try:
            told = await self._stub.GetAttempts(
                pb.GetAttemptsRequest(call_id=call_id), timeout=within_s, metadata=metadata
            )
        except MeshError:
            return None
        return Testimony(
            tries=tuple(to_told(attempt) for attempt in told.attempts if attempt.provider == provider),
            running=told.running,
            remembers_since=told.remembers_since.ToDatetime(tzinfo=UTC),
        )
