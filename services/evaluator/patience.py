"""How long to wait for what a reply can do without: never so long that the reply itself comes too late."""

_SHARE = 0.8
"""The part of the remaining time that may be spent waiting; the rest is for answering."""


def patience_s(longest_s: float, remaining_s: float | None) -> float:
    """Return the seconds to wait at most, given the time that is left for the whole call (None: no deadline)."""
    return longest_s if remaining_s is None else min(longest_s, remaining_s * _SHARE)
