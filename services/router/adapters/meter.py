"""Counters of tries, tokens, cost and fallbacks."""

from collections.abc import Sequence

from services.chassis.metrics import counter
from services.router.core.account import Attempt, Outcome
from services.router.core.champion.change import RULES
from services.router.core.champion.report import Arena
from services.router.ports import Amendment

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
_SCORES = counter(
    "magistrate_champion_scores_total",
    "Scores of answers, by whether they count.",
    ("domain", "task", "model", "counts"),
)
_CHANGES = counter("magistrate_champion_changes_total", "Changes of champion.", ("domain", "task", "kind", "by"))


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


class ChampionMeter:
    """Implements the Announcer port: counts scores and changes of champion."""

    def amended(self, arena: Arena, amendment: Amendment) -> None:
        """Count what was written."""
        place = (arena.domain.value, arena.task.value)
        if report := amendment.report:
            _SCORES.labels(*place, report.model, "no" if report.heuristic else "yes").inc()
        if recorded := amendment.recorded:
            by = RULES if recorded.change.actor == RULES else "person"
            _CHANGES.labels(*place, recorded.change.kind.value, by).inc()
