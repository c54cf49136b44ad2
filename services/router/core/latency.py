"""How long each model lets one wait, and the hedge delay that follows from it (spec row RTR-03).

A one-piece call shows nothing before its end, a stream its first token: both are waits, of two kinds that never mix.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.router.core.catalogue import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a hedge delay is made of measured waits."""

    default_s: float = 10.0
    """The delay until enough is known."""
    fewest: int = 20
    """Waits that are enough."""
    window: int = 200
    """Waits that are kept for each model and kind."""
    quantile: float = 0.95
    """Share of the calls that shall have answered before another provider joins."""
    medians: float = 8.0
    """The delay is at most so many times the median: where more calls stall than the quantile leaves out, the quantile
    itself is the length of the stall, and waiting that long would help nobody."""
    floor_s: float = 0.05
    ceiling_s: float = 30.0


class Latencies:
    """The last waits by model and kind of call, and the delay of each."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self._waits: dict[tuple[str, str, bool], deque[float]] = {}
        self._delays: dict[bool, dict[str, float]] = {False: {}, True: {}}
        self._measured: dict[bool, dict[str, float]] = {False: {}, True: {}}

    def measured_s(self, *, streamed: bool) -> Mapping[str, float]:
        """Return the quantile of the waits by model name, as it was measured; a model without one is not known well."""
        return MappingProxyType(self._measured[streamed])

    def delays_s(self, *, streamed: bool) -> Mapping[str, float]:
        """Return the delay by model name; a model without one is not known well enough."""
        return MappingProxyType(self._delays[streamed])

    def delay_s(self, model: Model, *, streamed: bool) -> float:
        """Return the delay after which another provider should join ``model``."""
        return self._delays[streamed].get(model.name, self._rules.default_s)

    def waited(self, model: Model, seconds: float, *, streamed: bool) -> None:
        """Learn that ``model`` answered after ``seconds``."""
        waits = self._waits.setdefault((model.provider, model.name, streamed), deque(maxlen=self._rules.window))
        waits.append(seconds)
        if len(waits) >= self._rules.fewest:
            ordered = sorted(waits)
            self._measured[streamed][model.name] = measured = _quantile_s(ordered, self._rules)
            self._delays[streamed][model.name] = _delay_s(ordered, measured, self._rules)

    def outlasted(self, model: Model, seconds: float, *, streamed: bool) -> None:
        """Learn that ``model`` was taken back after ``seconds`` without an answer.

        Its wait would have been longer still. Leaving such waits out would make the delay shrink with every hedge,
        since only the fast calls would be counted. One that was cut before the delay tells nothing about the tail.
        """
        if seconds >= self.delay_s(model, streamed=streamed):
            self.waited(model, seconds, streamed=streamed)


def _quantile_s(waits: list[float], rules: Rules) -> float:
    """Return the quantile of sorted ``waits`` by nearest rank."""
    return waits[math.ceil(rules.quantile * len(waits)) - 1]


def _delay_s(waits: list[float], measured: float, rules: Rules) -> float:
    """Return the ``measured`` quantile of sorted ``waits`` within its bounds."""
    median = waits[(len(waits) - 1) // 2]
    return max(rules.floor_s, min(measured, rules.medians * median, rules.ceiling_s))
