"""A circuit breaker as a pure state machine: time comes in as a number, decisions go out (spec C3, ENG-09, T29)."""

from dataclasses import dataclass
from enum import IntEnum

from services.chassis.errors import Kind, MeshError


class State(IntEnum):
    """What the breaker does with calls; the numbers are those of the metric ``circuit_breaker_state``."""

    CLOSED = 0
    """Every call passes."""
    OPEN = 1
    """No call passes."""
    HALF_OPEN = 2
    """Probes pass, a few at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a breaker opens, and what closes it again."""

    failures: int = 5
    """Consecutive dependency faults that open it."""
    recovery_s: float = 60.0
    """Seconds before the first probe."""
    probes: int = 1
    """Probes that may be in flight at once."""
    successes: int = 2
    """Consecutive good probes that close it; one bad probe opens it again."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call, to be handed back with its outcome."""

    epoch: int
    """Which closed, open or half-open phase it was given in; an outcome from an earlier phase no longer counts."""


class Breaker:
    """Guards one dependency edge: ask ``admit`` before a call, and report exactly one outcome with its permit."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._state = State.CLOSED
        self._epoch = 0
        self._opened_at = 0.0
        self._failures = 0
        self._successes = 0
        self._running = 0

    def state(self, now: float) -> State:
        """Return the state at ``now``, in seconds of a clock that only grows."""
        due = self._state is State.OPEN and now - self._opened_at >= self._rules.recovery_s
        return State.HALF_OPEN if due else self._state

    def retry_after_s(self, now: float) -> float:
        """Return the seconds until the next probe; 0 where one may be made."""
        return max(0.0, self._opened_at + self._rules.recovery_s - now) if self._state is State.OPEN else 0.0

    def admit(self, now: float) -> Permit | None:
        """Return leave to make a call at ``now``, or None; where the breaker is half open, the call is a probe."""
        state = self.state(now)
        if state is not self._state:
            self._enter(State.HALF_OPEN)
        if state is State.OPEN or (state is State.HALF_OPEN and self._running >= self._rules.probes):
            return None
        self._running += 1
        return Permit(self._epoch)

    def succeeded(self, permit: Permit) -> None:
        """Report that the dependency answered, be it with a refusal that the caller earned."""
        if not self._concludes(permit):
            return
        self._failures = 0
        self._successes += 1
        if self._state is State.HALF_OPEN and self._successes >= self._rules.successes:
            self._enter(State.CLOSED)

    def failed(self, permit: Permit, now: float) -> None:
        """Report a fault of the dependency."""
        if not self._concludes(permit):
            return
        self._failures += 1
        if self._state is State.HALF_OPEN or self._failures >= self._rules.failures:
            self._enter(State.OPEN)
            self._opened_at = now

    def ignored(self, permit: Permit) -> None:
        """Report that the call ended without a word about the dependency: it was cancelled."""
        self._concludes(permit)

    def _concludes(self, permit: Permit) -> bool:
        """Take ``permit`` back; return whether its outcome still counts."""
        counts = permit.epoch == self._epoch
        if counts:
            self._running -= 1
        return counts

    def _enter(self, state: State) -> None:
        self._state = state
        self._epoch += 1
        self._failures = self._successes = self._running = 0


_FAULTS = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE, Kind.INTERNAL})


def is_dependency_fault(error: MeshError) -> bool:
    """Return whether ``error`` speaks against the dependency; what its caller did wrong does not (trap T29)."""
    return error.kind in _FAULTS
