"""What the calls of this process have taught about providers: how long they take, what hedges cost, who is sick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.chassis.clock import Clock
from services.chassis.metrics import counter, gauge
from services.router.core.account import Attempt, Outcome
from services.router.core.breakers import Breakers, judge
from services.router.core.hedging import Budget, silence_s
from services.router.core.latency import Latencies
from services.router.core.outlook import Outlook
from services.router.core.plan import Plan
from services.router.ports import Health

_STATE = gauge("magistrate_circuit_breaker_state", "0 closed, 1 open, 2 half open.", ("service", "dependency"))
_HEDGES = counter("magistrate_route_hedges_total", "Tries that joined a silent provider.", ("provider",))
_LEVEL = gauge("magistrate_route_hedge_budget", "Hedges that may still fire; below 0 is debt.")


@dataclass(frozen=True, kw_only=True)
class Flight:
    """Implements the Watcher port, and tells the outlook that follows from what it saw."""

    providers: tuple[str, ...]
    latencies: Latencies
    budget: Budget
    breakers: Breakers
    health: Health
    clock: Clock
    stall_s: float
    """Seconds of silence that speak against a provider where nobody overtook it."""

    def outlook(self, *, streamed: bool, dry: bool = False) -> Outlook:
        """Return who is away, and when others may join, for a call of this kind; ``dry`` where no call follows."""
        now = self.clock.monotonic()
        self._show(now)
        return Outlook(
            away=self._away(self.breakers.resting(now) if dry else self.breakers.away(now)),
            back_after_s=self.breakers.back_after_s(now) or None,
            hedge_delays_s=self.latencies.delays_s(streamed=streamed),
            may_hedge=self.budget.allows,
        )

    def first_tokens_s(self) -> Mapping[str, float]:
        """Return the measured 95th percentile of the time to the first token by model."""
        return self.latencies.measured_s(streamed=True)

    def count(self, plan: Plan, attempts: Sequence[Attempt], hedges: int) -> None:
        """Learn from tries of one call that was made by ``plan``."""
        now = self.clock.monotonic()
        for attempt in attempts:
            self._learn(plan, attempt, now)
        if hedges:
            self.budget.spend(hedges)
            _HEDGES.labels(plan.order[0]).inc(hedges)
        if any(attempt.outcome is Outcome.WON for attempt in attempts):
            self.budget.earn()
        self._show(now)

    def _away(self, broken: frozenset[str]) -> frozenset[str]:
        """Return those that are ``broken``, and who looks ill; a look alone never leaves nobody to ask."""
        ill = broken.union(provider for provider in self.providers if self.health.ill(provider))
        return broken if ill.issuperset(self.providers) else ill

    def _learn(self, plan: Plan, attempt: Attempt, now: float) -> None:
        provider = attempt.model.provider
        heard = attempt.outcome is Outcome.WON or (plan.streamed and attempt.first_token_after is not None)
        silence = silence_s(attempt, streamed=plan.streamed)
        if heard:
            self.latencies.waited(attempt.model, silence, streamed=plan.streamed)
        elif attempt.outcome is Outcome.CANCELLED:
            self.latencies.outlasted(attempt.model, silence, streamed=plan.streamed)
        verdict = judge(attempt, overtaken_s=min(self.stall_s, plan.hedge_delay_s), stall_s=self.stall_s)
        self.breakers.learn(provider, verdict, now)

    def _show(self, now: float) -> None:
        for provider, state in self.breakers.states(now).items():
            _STATE.labels("router", provider).set(state)
        _LEVEL.set(self.budget.level)
