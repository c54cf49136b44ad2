"""How much a key is used, and when that is unusual."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

UNUSUAL_Z: Final = 3.0
"""Standard deviations above the mean from which on use is unusual (spec row PRV-12)."""
FEWEST_SAMPLES: Final = 10
"""Windows of use without which nothing is called usual."""
_MOST_SAMPLES: Final = 60
_LEAST_SPREAD: Final = 0.05
"""A key that is used very evenly still varies by so much of its mean; one token more is no alarm."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """The tokens of one key, a window after the other; a window without use is no sample."""

    window_s: float = 60.0
    _started: float = -math.inf
    _tokens: int = 0
    _samples: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_SAMPLES))
    _told: bool = False

    def add(self, tokens: int, now: float) -> bool:
        """Add a try's tokens; return whether they make this window an unusual one. It is said once a window."""
        if now - self._started >= self.window_s:
            if self._tokens and not self._told:
                # What is unusual never becomes the measure of what is usual.
                self._samples.append(self._tokens)
            self._started, self._tokens, self._told = now, 0, False
        self._tokens += tokens
        if self._told or self.z() <= UNUSUAL_Z:
            return False
        self._told = True
        return True

    def z(self) -> float:
        """Return how many standard deviations this window stands above the mean of those before; 0 without enough."""
        if len(self._samples) < FEWEST_SAMPLES:
            return 0.0
        mean = sum(self._samples) / len(self._samples)
        variance = sum((sample - mean) ** 2 for sample in self._samples) / len(self._samples)
        return (self._tokens - mean) / max(math.sqrt(variance), _LEAST_SPREAD * mean)
