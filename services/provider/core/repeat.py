"""When a call that failed is made again, and after how long (spec row PRV-03, ruling C2)."""

from dataclasses import dataclass

from services.chassis.errors import MeshError
from services.provider.core import failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """How often, and the longest waits in seconds; each wait is a random part of its longest (full jitter)."""

    waits_s: tuple[float, ...] = (1.0, 2.0, 4.0)

    def wait_s(self, error: MeshError, *, made: int, remaining_s: float | None, draw: float) -> float | None:
        """Return the seconds to wait before the next try, or None where ``error`` is the last word.

        Args:
            error: What the vendor answered.
            made: Repeats that were made already.
            remaining_s: What is left of the deadline.
            draw: A random number from 0 to 1.
        """
        if made >= len(self.waits_s) or not failures.may_be_repeated(error):
            return None
        # The vendor's own word wins: to come back earlier would only be refused again.
        pause = self.waits_s[made] * draw if error.retry_after_s is None else error.retry_after_s
        return None if remaining_s is not None and pause >= remaining_s else pause
