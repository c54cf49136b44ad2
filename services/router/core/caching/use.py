"""Whether an answer that was given before will do, and whether a new one is worth keeping."""

from dataclasses import dataclass
from enum import StrEnum

from services.router.core.plan import Plan
from services.router.core.request import CacheUse


class Level(StrEnum):
    """Where an answer was found without asking a model for it; the words of metrics."""

    SHARED_CALL = "shared_call"
    """An identical call was under way, or had just ended."""
    MEMORY = "memory"
    """The memory of this process."""
    SHARED = "shared"
    """The memory that all replicas share."""
    SEMANTIC = "semantic"
    """An answer to a question that means the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """What one call may do with the caches."""

    shares: bool
    """Whether it may have the answer of an identical call that runs or has just ended."""
    reads: bool
    """Whether it may have an answer of before."""
    writes: bool
    """Whether its answer may be kept for others."""
    means: bool
    """Whether a question that means the same will do."""


def uses(asked: CacheUse | None, default: CacheUse, plan: Plan) -> Uses:
    """Return what a request that ``asked`` for a use, or for none, may do.

    Where a request does not say, only answers that are meant to come out the same each time are kept: those at
    temperature 0. Whoever asks with a temperature wants variety, but not twice within one double click.
    """
    use = asked or default
    lasting = use in {CacheUse.EXACT, CacheUse.SEMANTIC} and (asked is not None or plan.temperature == 0)
    return Uses(
        shares=use in {CacheUse.EXACT, CacheUse.SEMANTIC},
        reads=lasting,
        writes=lasting or use is CacheUse.REFRESH,
        means=lasting and use is CacheUse.SEMANTIC,
    )
