"""Tries as the adapters of the providers tell them."""

from datetime import UTC

from magistrate.common.v1 import usage_pb2
from services.router.core.account import Outcome, Usage
from services.router.core.spend.testimony import Told

_OUTCOMES = {
    usage_pb2.ATTEMPT_OUTCOME_WON: Outcome.WON,
    usage_pb2.ATTEMPT_OUTCOME_FAILED: Outcome.FAILED,
    usage_pb2.ATTEMPT_OUTCOME_CANCELLED: Outcome.CANCELLED,
}


def to_told(attempt: usage_pb2.Attempt) -> Told:
    """Return a try as its adapter tells it."""
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
