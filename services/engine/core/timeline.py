"""The record of which stage ran when. Times are handed in, in seconds of one monotonic clock."""

from services.chassis.errors import MeshError
from services.engine.core.decision import STAGES, Degraded, Stage, StageOutcome


class Timeline:
    """The stages of one call as they end, and every degradation on the way."""

    def __init__(self, started: float) -> None:
        self.started = started
        self._stages: dict[str, Stage] = {}
        self._degraded: list[Degraded] = []

    def end(self, name: str, *, began: float, now: float, outcome: StageOutcome) -> Stage:
        """Note that stage ``name`` ended now."""
        stage = Stage(name=name, outcome=outcome, started_after_s=began - self.started, duration_s=now - began)
        self._stages[name] = stage
        return stage

    def degrade(self, *parts: Degraded) -> tuple[Degraded, ...]:
        """Note what did not work, each part with its fallback once; return what was not noted before."""
        new = tuple(part for part in dict.fromkeys(parts) if part not in self._degraded)
        self._degraded.extend(new)
        return new

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the stages that ended, in the order of the pipeline."""
        return tuple(self._stages[name] for name in STAGES if name in self._stages)

    @property
    def degraded(self) -> tuple[Degraded, ...]:
        """Return everything that did not work, oldest first."""
        return tuple(self._degraded)


def degraded(component: str, fallback: str, error: MeshError) -> Degraded:
    """Return the declaration that ``component`` failed with ``error`` and ``fallback`` stands in."""
    return Degraded(component=component, fallback=fallback, reason=error.reason)
