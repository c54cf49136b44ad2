"""One circuit breaker for each provider, fed by how tries ended (spec rows RTR-17 and PRV-17, trap T29)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from services.chassis.breaker import Breaker, Permit, Rules, State
from services.router.core.account import Attempt, Outcome

FAULTS = frozenset(
    {
        "PROVIDER_UNAVAILABLE",
        "PROVIDER_MALFORMED",
        "PROVIDER_CREDENTIALS_REJECTED",
        "STREAM_BROKEN",
        "INTERNAL",
    }
)
"""Reasons that speak against the vendor. A process of ours that cannot be reached is not among them: the proxy sees it
first, leaves it out, and knows when it is back."""
REFUSALS = frozenset({"PROVIDER_PROMPT_TOO_LONG", "PROVIDER_REJECTED"})
"""Reasons by which a working vendor refuses what it was sent."""
PROBE_S = 10.0
"""Seconds after which a probe that nobody heard of again gives way to the next."""


class Verdict(Enum):
    """What a try says about its provider."""

    FINE = auto()
    FAULT = auto()
    NOTHING = auto()


def judge(attempt: Attempt, *, overtaken_s: float, stall_s: float) -> Verdict:
    """Tell what ``attempt`` says about its provider.

    A try that another overtook is a stall where the provider had been silent for ``overtaken_s``. One that its deadline
    ended is a stall only after ``stall_s``: how short a caller's time is must not send a provider away for all others.
    One whose caller left (its reason is CANCELLED) says nothing, and neither does an unknown end.
    """
    if attempt.outcome is Outcome.WON or attempt.reason in REFUSALS:
        return Verdict.FINE
    if attempt.outcome is Outcome.FAILED and attempt.reason in FAULTS:
        return Verdict.FAULT
    overtaken = attempt.outcome is Outcome.CANCELLED and not attempt.reason
    late = attempt.reason == "DEADLINE_EXPIRED"
    silent_s = attempt.duration.total_seconds() if attempt.first_token_after is None else 0.0
    stalled = (overtaken and silent_s >= overtaken_s) or (late and silent_s >= stall_s)
    return Verdict.FAULT if stalled else Verdict.NOTHING


@dataclass(frozen=True, slots=True)
class _Probe:
    permit: Permit
    until: float


class Breakers:
    """Opens after consecutive faults of a provider, lets a probe through after a while, closes after good ones.

    Time comes in as seconds of a clock that only grows.
    """

    def __init__(self, providers: Iterable[str], rules: Rules | None = None) -> None:
        self._breakers = {provider: Breaker(rules) for provider in providers}
        self._probes: dict[str, _Probe] = {}

    def states(self, now: float) -> Mapping[str, State]:
        """Return the state of each provider's breaker."""
        return {provider: breaker.state(now) for provider, breaker in self._breakers.items()}

    def away(self, now: float) -> frozenset[str]:
        """Return the providers that must not be asked by the call that is planned now; it may be another's probe."""
        return frozenset(provider for provider in self._breakers if not self._admits(provider, now))

    def resting(self, now: float) -> frozenset[str]:
        """Return the providers whose breaker is open; a look that is followed by no call and takes no probe."""
        return frozenset(provider for provider, state in self.states(now).items() if state is State.OPEN)

    def back_after_s(self, now: float) -> float:
        """Return the seconds until the first provider that is away may be probed."""
        waits = (breaker.retry_after_s(now) for breaker in self._breakers.values())
        return min((wait for wait in waits if wait > 0), default=0.0)

    def learn(self, provider: str, verdict: Verdict, now: float) -> None:
        """Count what a try has said about ``provider``."""
        if verdict is Verdict.NOTHING or provider not in self._breakers:
            return
        breaker = self._breakers[provider]
        probe = self._probes.pop(provider, None)
        permit = probe.permit if probe else breaker.admit(now)
        if permit is None:
            return  # a late word from before the breaker opened
        if verdict is Verdict.FINE:
            breaker.succeeded(permit)
        else:
            breaker.failed(permit, now)

    def _admits(self, provider: str, now: float) -> bool:
        breaker = self._breakers[provider]
        state = breaker.state(now)
        if state is not State.HALF_OPEN:
            return state is State.CLOSED
        probe = self._probes.get(provider)
        if probe and now < probe.until:
            return False
        if probe:
            breaker.ignored(probe.permit)
        permit = breaker.admit(now)
        if permit is not None:
            self._probes[provider] = _Probe(permit, now + PROBE_S)
        return permit is not None
