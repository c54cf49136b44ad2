"""One stage of the pipeline while it is at work."""

from collections.abc import Callable

from services.engine.core.decision import Degraded, StageOutcome


class OpenStage:
    """A stage at work: the seconds it may take, and how it will have ended."""

    def __init__(self, declare: Callable[..., None], allowed_s: float) -> None:
        self._declare = declare
        self.allowed_s = allowed_s
        self.outcome = StageOutcome.DONE

    def missing(self, part: Degraded) -> None:
        """Note that it could not be done, and what stands in."""
        self.outcome = StageOutcome.UNAVAILABLE
        self._declare(part)

    def partial(self, *parts: Degraded) -> None:
        """Note what it lacks, if anything."""
        if parts:
            self.outcome = StageOutcome.DEGRADED
            self._declare(*parts)
