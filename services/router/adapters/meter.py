"""Counters of tries, tokens, cost and fallbacks."""

from collections.abc import Sequence

from services.chassis.metrics import counter
from services.router.core.account import Attempt, Outcome

_ATTEMPTS = counter(
    "magistrate_route_attempts_total", "Tries at providers, by how they ended.", ("provider", "model", "outcome")
)
_TOKENS = counter("magistrate_llm_tokens_total", "Tokens of accounted tries.", ("provider", "model", "direction"))
_COST = counter("magistrate_llm_cost_micro_usd_total", "Cost of accounted tries.", ("provider", "model"))
_FALLBACKS = counter(
    "magistrate_route_fallbacks_total",
    "Answers that came from another provider than the first.",
    ("first", "winner"),
)


class PrometheusMeter:
    """Implements the Meter port (spec rows PRV-07 and RTR-05)."""

    def count(self, first: str, attempts: Sequence[Attempt]) -> None:
        """Count the tries of one call whose ``first`` provider was asked first."""
        for attempt in attempts:
            model = (attempt.model.provider, attempt.model.name)
            _ATTEMPTS.labels(*model, attempt.outcome.value).inc()
            _TOKENS.labels(*model, "input").inc(attempt.usage.input_tokens)
            _TOKENS.labels(*model, "output").inc(attempt.usage.output_tokens)
            _COST.labels(*model).inc(attempt.micro_usd)
            if attempt.outcome is Outcome.WON and attempt.model.provider != first:
                _FALLBACKS.labels(first, attempt.model.provider).inc()
