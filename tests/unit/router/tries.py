"""Tries that the tests of this folder share."""

from datetime import UTC, datetime, timedelta

from services.router.core.account import Attempt, Outcome, Usage
from tests.unit.router.requests import SHIPPED


def attempt(
    provider: str, outcome: Outcome, seconds: float, *, first_s: float | None = None, reason: str = ""
) -> Attempt:
    """Return a try that took so many ``seconds``, its first token coming after ``first_s``."""
    return Attempt(
        model=next(model for model in SHIPPED.models if model.provider == provider),
        outcome=outcome,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration=timedelta(seconds=seconds),
        first_token_after=None if first_s is None else timedelta(seconds=first_s),
        usage=Usage(input_tokens=1, output_tokens=1, estimated=False),
        micro_usd=0,
        reason=reason,
    )
