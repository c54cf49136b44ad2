"""Whether the store may take more: it closes before the volume is full, because a full one stops the reads as well."""

import asyncio
from collections.abc import Callable

from services.chassis.clock import Clock
from services.chassis.errors import Kind, WorldError
from services.chassis.log import get_logger
from services.chassis.metrics import gauge

LOOK_S = 1.0
"""Seconds between two looks at the volume."""
PROBE_S = 5.0
"""Seconds after which a store that said it was full is asked again, by the next record that comes."""

_log = get_logger("recorder.valve", fields=("used_percent",))
_read_only = gauge("magistrate_recorder_read_only", "1 while nothing new is accepted because there is no room for it")
_used = gauge("magistrate_recorder_volume_used_percent", "How full the watched volume of the store is")


def store_full(used_percent: float | None = None, limit_percent: float | None = None) -> WorldError:
    """Return the error for a store without room; the producer keeps its record and comes again."""
    known = {"used_percent": used_percent, "limit_percent": limit_percent}
    metadata = {name: f"{value:.1f}" for name, value in known.items() if value is not None}
    message = "the evidence store is full; reads go on, nothing new is accepted"
    return WorldError(Kind.EXHAUSTED, "STORE_FULL", message, metadata=metadata, retry_after_s=PROBE_S)


class Valve:
    """Open unless the volume is nearly full, or the store itself said that it is full a moment ago."""

    def __init__(self, clock: Clock, *, used_percent: Callable[[], float] | None, limit_percent: float) -> None:
        self._clock, self._measure, self._limit_percent = clock, used_percent, limit_percent
        self._used_percent = 0.0
        self._closed_until = float("-inf")
        _read_only.set_function(lambda: float(self._nearly_full or self._refused))

    def check(self) -> None:
        """Return if a record may come in.

        Raises:
            WorldError: STORE_FULL.
        """
        if self._nearly_full:
            raise store_full(self._used_percent, self._limit_percent)
        if self._refused:
            raise store_full()

    def refused(self) -> None:
        """Note that the store had no room for a write."""
        if not self._refused:
            _log.critical("store_full")
        self._closed_until = self._clock.monotonic() + PROBE_S

    async def look(self) -> None:
        """Measure the volume now, off the event loop: a volume that hangs must not stop the calls."""
        if self._measure is None:
            return
        before = self._nearly_full
        self._used_percent = await asyncio.to_thread(self._measure)
        _used.set(self._used_percent)
        if self._nearly_full != before:
            _log.critical("read_only" if self._nearly_full else "writable_again", used_percent=self._used_percent)

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            try:
                await self.look()
            except OSError as error:
                _log.error("volume_unreadable", error=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    @property
    def _nearly_full(self) -> bool:
        return self._used_percent > self._limit_percent

    @property
    def _refused(self) -> bool:
        return self._clock.monotonic() < self._closed_until
