"""Redis behind a breaker: while it is away, calls do not each pay its timeout."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.chassis.breaker import Breaker, Rules, State
from services.chassis.clock import Clock
from services.chassis.errors import MeshError, unavailable
from services.chassis.log import get_logger
from services.chassis.metrics import gauge
from services.chassis.redis import guarded

_Result = TypeVar("_Result")
_log = get_logger("router.caching")
RULES = Rules(failures=3, recovery_s=2.0, probes=1, successes=1)
"""Redis is asked again soon: a probe costs one caller its timeout at most, and nothing depends on the answer."""
_STATE = gauge("magistrate_cache_breaker_state", "Breaker before Redis: 0 closed, 1 open, 2 half open.")


class RedisGuard:
    """Runs commands while Redis answers them.

    Args:
        clock: For the breaker.
        timeout_s: Seconds for one command with everything that it needs: a connection, its repetition.
        rules: When the breaker opens and closes.
    """

    def __init__(self, clock: Clock, *, timeout_s: float, rules: Rules = RULES) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._breaker = Breaker(rules)
        self._told = State.CLOSED

    async def run(self, command: Callable[[], Awaitable[_Result]]) -> _Result:
        """Return what ``command`` returns. Raises WorldError STORE_UNAVAILABLE, at once where the breaker is open."""
        permit = self._breaker.admit(self._clock.monotonic())
        if permit is None:
            raise unavailable(
                "STORE_UNAVAILABLE", "Redis is away", self._breaker.retry_after_s(self._clock.monotonic())
            )
        try:
            with guarded():
                async with asyncio.timeout(self._timeout_s):
                    result = await command()
        except MeshError:
            self._breaker.failed(permit, self._clock.monotonic())
            raise
        except BaseException:
            self._breaker.ignored(permit)
            raise
        else:
            self._breaker.succeeded(permit)
            return result
        finally:
            self._tell(self._breaker.state(self._clock.monotonic()))

    def _tell(self, state: State) -> None:
        """Let people know when Redis goes away and when it comes back."""
        if state is not self._told:
            self._told = state
            _STATE.set(state)
            _log.warning("redis_breaker", state=state.name, component="cache")
