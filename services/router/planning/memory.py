"""What is remembered of users, as far as a plan needs it and it can be had."""

from dataclasses import dataclass

from services.chassis.errors import WorldError
from services.chassis.log import get_logger
from services.chassis.metrics import counter
from services.router.core.history import is_good
from services.router.core.request import Request
from services.router.ports import History

_log = get_logger("router", fields=["component"])
_FORGOTTEN = counter(
    "magistrate_route_history_unread_total", "Plans made without the user's history, by reason.", ["reason"]
)
_NEEDS_HISTORY = "adaptive"


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Reads a user's history where the strategy weighs it, and learns from scores."""

    history: History
    default_strategy: str

    async def success_rate(self, request: Request) -> float | None:
        """Return the share of the user's good answers; None where it is not needed, not known, or not to be had."""
        if (request.strategy or self.default_strategy) != _NEEDS_HISTORY or request.model:
            return None
        try:
            return await self.history.success_rate()
        except WorldError as error:
            # Without history the question alone decides, as for a new user; the choice is never held up by it.
            _FORGOTTEN.labels(error.reason).inc()
            _log.warning("history_unread", reason=error.reason, component="router.history")
            return None

    async def learn(self, score: float) -> None:
        """Remember how good an answer was. Raises WorldError STORE_UNAVAILABLE."""
        await self.history.report(good=is_good(score))
