"""Read what other services declare as degraded."""

from collections.abc import Iterable

from magistrate.common.v1.degradation_pb2 import DegradedComponent
from services.engine.core.decision import Degraded


def read(components: Iterable[DegradedComponent]) -> tuple[Degraded, ...]:
    """Return the declared parts."""
    return tuple(Degraded(component=c.component, fallback=c.fallback, reason=c.reason) for c in components)


def write(parts: Iterable[Degraded]) -> list[DegradedComponent]:
    """Return the parts as the contract has them."""
    return [DegradedComponent(component=p.component, fallback=p.fallback, reason=p.reason) for p in parts]
