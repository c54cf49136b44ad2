"""Counters of tries, tokens, cost and fallbacks."""

from collections.abc import Sequence

from services.chassis.metrics import counter
from services.router.core.account import Attempt, Outcome
from services.router.core.plan import Plan

_ATTEMPTS = counter(
    "magistrate_route_attempts_total", "Tries at providers, by how they ended.", ("provider", "model", "outcome")
)
_TOKENS = counter("magistrate_llm_tokens_total", "Tokens of accounted tries.", ("provider", "model", "direction"))
_COST = counter("magistrate_llm_cost_micro_usd_total", "Cost of accounted tries.", ("provider", "model"))
_FALLBACKS = counter(
    "magistrate_route_fallbacks_total",
    "Answers that came from another provider than the first of the order, by what the first one's try ended with.",
    ("from", "to", "reason"),
)


class PrometheusMeter:
    """Implements the Meter port (spec rows PRV-07 and RTR-05)."""

    def count(self, plan: Plan, attempts: Sequence[Attempt]) -> None:
        """Count the tries of one call that was made by ``plan``."""
        for attempt in attempts:
            model = (attempt.model.provider, attempt.model.name)
            _ATTEMPTS.labels(*model, attempt.outcome.value).inc()
            _TOKENS.labels(*model, "input").inc(attempt.usage.input_tokens)
            _TOKENS.labels(*model, "output").inc(attempt.usage.output_tokens)
            _COST.labels(*model).inc(attempt.micro_usd)
            if attempt.outcome is Outcome.WON and attempt.model.provider != plan.order[0]:
                _FALLBACKS.labels(plan.order[0], attempt.model.provider, _why(plan.order[0], attempts)).inc()


def _why(first: str, attempts: Sequence[Attempt]) -> str:
    """Return why ``first`` did not answer: its ErrorReason, "slow" where another overtook it, "ejected" by the proxy."""
    its = next((attempt for attempt in attempts if attempt.model.provider == first), None)
    if its is None:
        return "ejected"
    return its.reason or "slow"
