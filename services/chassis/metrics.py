"""Prometheus metrics: one registry a process, names ``magistrate_*``, each metric created once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

REGISTRY = CollectorRegistry()
CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Buckets for durations, from one hop to the longest call with a default deadline."""

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)
_known: dict[str, Counter | Gauge | Histogram] = {}


def counter(name: str, what: str, labels: Sequence[str] = ()) -> Counter:
    """Return the counter ``name`` (it ends in ``_total``); ``what`` is its help text."""
    return _once(name, Counter, lambda: Counter(name, what, labels, registry=REGISTRY))


def gauge(name: str, what: str, labels: Sequence[str] = ()) -> Gauge:
    """Return the gauge ``name``."""
    return _once(name, Gauge, lambda: Gauge(name, what, labels, registry=REGISTRY))


def histogram(name: str, what: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS) -> Histogram:
    """Return the histogram ``name``; its unit ends its name, and ``buckets`` are upper bounds in that unit."""
    return _once(name, Histogram, lambda: Histogram(name, what, labels, buckets=tuple(buckets), registry=REGISTRY))


def exposition() -> bytes:
    """Return every metric in the text format that Prometheus scrapes (``CONTENT_TYPE``)."""
    return generate_latest(REGISTRY)


def _once(name: str, kind: type[_Metric], create: Callable[[], _Metric]) -> _Metric:
    if not name.startswith("magistrate_"):
        raise ValueError(f"metric {name} must start with magistrate_")
    known = _known.get(name)
    if known is None:
        known = _known[name] = create()
    if not isinstance(known, kind):
        raise TypeError(f"metric {name} is a {type(known).__name__} already")
    return known
