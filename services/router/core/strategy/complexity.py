"""How complex a question is, in whole tenths: sums of 0.1 do not meet their borders exactly (spec row RTR-13)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MANY_WORDS = 50
GOOD_SUCCESS = 0.7
"""Below this share of good answers the user gets better models."""
MANY_TOOLS = 3
_HIGHEST = 10
_KEYWORD = re.compile(r"\b(complex|detailed|comprehensive)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """A score and what it is made of."""

    tenths: int
    """0 to 10."""
    why: tuple[str, ...]

    @property
    def score(self) -> float:
        """Return the score from 0 to 1."""
        return self.tenths / _HIGHEST


def of(query: str, *, success_rate: float | None, tool_count: int) -> Complexity:
    """Return the complexity of ``query`` from a user with this share of good answers, None where it is not known."""
    parts = list(_parts(query, success_rate, tool_count))
    return Complexity(tenths=min(_HIGHEST, sum(tenths for tenths, _ in parts)), why=tuple(why for _, why in parts))


def _parts(query: str, success_rate: float | None, tool_count: int) -> Iterator[tuple[int, str]]:
    words = len(query.split())
    if words > MANY_WORDS:
        yield 3, f"{words} words"
    if found := _KEYWORD.search(query):
        yield 2, f'the word "{found.group().lower()}"'
    if success_rate is not None and success_rate < GOOD_SUCCESS:
        yield 3, f"{success_rate:.0%} of the user's answers were good"
    if tool_count > MANY_TOOLS:
        yield 2, f"{tool_count} tools"
