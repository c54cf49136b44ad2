"""What the configuration says about caches."""

from dataclasses import dataclass

from services.router.core.request import CacheUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the configuration says about caches; durations in seconds."""

    use: CacheUse = CacheUse.EXACT
    entries: int = 1_000
    size: int = 16_777_216
    ttl_s: float = 1_800.0
    warmed: int = 100
    window_s: float = 0.5
    lease_s: float = 2.0
    """For which the others wait for a replica that died while it made an answer; not for who configures."""
    epoch_bound_s: float = 5.0
    threshold: float = 0.95
    questions: int = 1_000
    patience_s: float = 0.25
    embed_s: float = 2.0
