"""Calls of this process that are under way, each made once for all who want it (spec rows RTR-06, CCH-09)."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")


class Freed(Exception):  # noqa: N818 - it is no error of the follower, who tries itself
    """The call that was followed ended without an answer."""


@dataclass(slots=True)
class _Flight(Generic[_Result]):
    task: "asyncio.Task[_Result]"
    began: float
    waiting: int = 0


@dataclass(frozen=True, kw_only=True)
class Flights(Generic[_Result]):
    """Lets identical calls wait for one. Who leaves disturbs nobody; when all have left, the call is ended."""

    now: Callable[[], float]
    """Seconds that only grow."""
    _under_way: dict[str, _Flight[_Result]] = field(default_factory=dict)

    async def share(
        self, name: str, work: Callable[[], Coroutine[Any, Any, _Result]], *, joinable_s: float | None
    ) -> tuple[_Result, bool]:
        """Return the result of the call under way as ``name``, or of ``work``; and whether ``work`` was begun for it.

        A call that began more than ``joinable_s`` ago is not joined; None joins one of any age.

        Raises:
            Freed: Another's call was followed and failed.
            Exception: What ``work`` raised, where this caller began it.
        """
        flight, leads = self._under_way.get(name), False
        if flight is None or (joinable_s is not None and self.now() - flight.began > joinable_s):
            flight, leads = self._begin(name, work), True
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task), leads
        except asyncio.CancelledError:
            if leads or not flight.task.cancelled():
                raise
            raise Freed from None
        except Exception as error:
            if leads:
                raise
            raise Freed from error
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(name, flight)
                flight.task.cancel()

    def _begin(self, name: str, work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Flight[_Result]:
        # A task of its own: whoever began it may leave while others wait.
        task = asyncio.get_running_loop().create_task(work(), name="shared call")
        flight = self._under_way[name] = _Flight(task, self.now())
        task.add_done_callback(lambda ended: self._ended(name, flight, ended))
        return flight

    def _ended(self, name: str, flight: _Flight[_Result], task: "asyncio.Task[_Result]") -> None:
        self._forget(name, flight)
        if not task.cancelled():
            task.exception()  # asked for, so that the loop does not complain where all who waited have left

    def _forget(self, name: str, flight: _Flight[_Result]) -> None:
        if self._under_way.get(name) is flight:
            del self._under_way[name]
