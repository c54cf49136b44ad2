"""What a user's earlier answers say about the next one (spec row RTR-14)."""

MEMORY = 50
"""Answers that are remembered of a user; at this number half of them are forgotten."""
FEWEST = 5
"""Answers below which nothing is concluded: one bad answer is no history."""
GOOD_FROM = 0.7
"""Score from which an answer was good enough: the mark at which quality passes."""


def is_good(score: float) -> bool:
    """Tell whether an answer with this score, 0 to 1, served its user."""
    return score >= GOOD_FROM


def success_rate(*, good: int, answers: int) -> float | None:
    """Return the share of good answers; None where too few are known."""
    return good / answers if answers >= FEWEST else None
