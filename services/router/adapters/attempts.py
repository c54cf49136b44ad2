"""Asks the adapters what became of their tries."""

from datetime import UTC

import grpc

from magistrate.common.v1 import usage_pb2
from magistrate.provider.v1 import provider_pb2 as pb
from magistrate.provider.v1.provider_pb2_grpc import ProviderServiceStub
from services.chassis.errors import MeshError
from services.router.adapters.route import CALL_KEY, ORDER_KEY
from services.router.core.account import Outcome, Usage
from services.router.core.spend.testimony import Testimony, Told

_OUTCOMES = {
    usage_pb2.ATTEMPT_OUTCOME_WON: Outcome.WON,
    usage_pb2.ATTEMPT_OUTCOME_FAILED: Outcome.FAILED,
    usage_pb2.ATTEMPT_OUTCOME_CANCELLED: Outcome.CANCELLED,
}


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
            tries=tuple(_told(attempt) for attempt in told.attempts if attempt.provider == provider),
            running=told.running,
            remembers_since=told.remembers_since.ToDatetime(tzinfo=UTC),
        )


def _told(attempt: usage_pb2.Attempt) -> Told:
    first = attempt.first_token_after.ToTimedelta() if attempt.HasField("first_token_after") else None
    return Told(
        outcome=_OUTCOMES.get(attempt.outcome, Outcome.UNKNOWN),
        started_at=attempt.started_at.ToDatetime(tzinfo=UTC),
        duration=attempt.duration.ToTimedelta(),
        usage=Usage(
            input_tokens=attempt.usage.input_tokens,
            output_tokens=attempt.usage.output_tokens,
            estimated=attempt.usage.estimated,
        ),
        first_token_after=first,
        reason=attempt.reason,
        key_fingerprint=attempt.key_fingerprint,
    )
