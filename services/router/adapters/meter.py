"""Counters of tries, tokens, cost and fallbacks."""

from collections.abc import Sequence

from services.chassis.metrics import counter, gauge
from services.router.core.account import Attempt, Outcome
from services.router.core.champion.change import RULES
from services.router.core.champion.report import Arena
from services.router.core.plan import Plan
from services.router.core.spend.refusal import Refusal
from services.router.core.spend.reservation import Grant, Reservation
from services.router.ports import Amendment

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
_RESERVED = counter("magistrate_budget_reserved_micro_usd_total", "Set aside for calls before anybody was asked.")
_REFUSALS = counter(
    "magistrate_budget_refusals_total", "Calls that no budget covered, by limit.", ("scope", "dimension")
)
_REMAINING = gauge("magistrate_budget_remaining_micro_usd", "What is left of today's limit, as last seen.", ("tenant",))
_HELD = gauge("magistrate_budget_held_micro_usd", "Set aside for calls in flight, as last seen.", ("tenant",))
MOST_TENANTS = 200
"""Tenants with a gauge of their own; a metric must not grow without bound."""
_SCORES = counter(
    "magistrate_champion_scores_total",
    "Scores of answers, by whether they count.",
    ("domain", "task", "model", "counts"),
)
_CHANGES = counter("magistrate_champion_changes_total", "Changes of champion.", ("domain", "task", "kind", "by"))


class PrometheusMeter:
    """Implements the ports Watcher and Till (spec rows PRV-07, RTR-05 and OBS-05)."""

    def __init__(self) -> None:
        self._tenants: set[str] = set()

    def granted(self, reservation: Reservation, grant: Grant) -> None:
        """Count what was set aside."""
        taken = (claim.micro_usd for claim in reservation.claims if claim.provider in grant.providers)
        _RESERVED.inc(sum(taken))
        tenant = reservation.payer.tenant
        self._left(tenant, grant.tenant_room_micro_usd)
        if tenant in self._tenants:
            _HELD.labels(tenant).set(grant.tenant_held_micro_usd)

    def refused(self, reservation: Reservation, refusal: Refusal) -> None:
        """Count a call that was not let through."""
        _REFUSALS.labels(refusal.scope.value, refusal.dimension.value).inc()
        self._left(reservation.payer.tenant, refusal.tenant_room_micro_usd)

    def _left(self, tenant: str, micro_usd: int | None) -> None:
        if tenant not in self._tenants and len(self._tenants) >= MOST_TENANTS:
            return
        self._tenants.add(tenant)
        if micro_usd is not None:
            _REMAINING.labels(tenant).set(max(0, micro_usd))

    def count(self, plan: Plan, attempts: Sequence[Attempt], _hedges: int) -> None:
        """Count tries of one call that was made by ``plan``."""
        first = plan.order[0]
        for attempt in attempts:
            model = (attempt.model.provider, attempt.model.name)
            _ATTEMPTS.labels(*model, attempt.outcome.value).inc()
            _TOKENS.labels(*model, "input").inc(attempt.usage.input_tokens)
            _TOKENS.labels(*model, "output").inc(attempt.usage.output_tokens)
            _COST.labels(*model).inc(attempt.micro_usd)
            if attempt.outcome is Outcome.WON and attempt.model.provider != first:
                _FALLBACKS.labels(first, attempt.model.provider, _why(first, attempts)).inc()


def _why(first: str, attempts: Sequence[Attempt]) -> str:
    """Return why ``first`` did not answer: an ErrorReason, "slow" where it was overtaken, or "unknown"."""
    its = next((attempt for attempt in attempts if attempt.model.provider == first), None)
    if its is None:
        return "unknown"
    return its.reason or ("slow" if its.outcome is Outcome.CANCELLED else "unknown")


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
