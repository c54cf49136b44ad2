"""Time and identifiers as things that are handed in, so that cores stay pure and tests stay exact."""

import secrets
import time
from datetime import UTC, datetime
from typing import Protocol

_RANDOM_BITS = 74
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_LOW_BITS = 62


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """Return the wall clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow; for durations and deadlines."""
        ...


class Ids(Protocol):
    """Where new identifiers come from."""

    def new(self) -> str:
        """Return an identifier that was never returned before."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall clock time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()


class RandomIds:
    """UUID version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits, so that ids sort by age."""

    def new(self) -> str:
        """Return a new identifier in the usual 8-4-4-4-12 form."""
        random = secrets.randbits(_RANDOM_BITS)
        high, low = random >> _LOW_BITS, random & ((1 << _LOW_BITS) - 1)
        digits = f"{(time.time_ns() // 1_000_000) << 80 | _VERSION_7 | high << 64 | _VARIANT | low:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
