"""Texts whose form alone is suspicious: too many odd marks, or characters that nobody can see."""

import unicodedata
from collections.abc import Iterator

from services.critic.core.material import Span
from services.critic.core.screening.verdict import Level, ScreenFinding

ODD_SHARE = 0.30
"""Share of marks that are neither letters, digits, spaces nor common punctuation (spec 4)."""
MIN_LENGTH = 20
"""A shorter text is not judged by its share."""
HIDDEN_AT = 5
"""Invisible format characters that no ordinary text holds this many of; emoji and right-to-left marks stay below."""

_COMMON = frozenset(".,;:'\"?!()-\u2013\u2014/%&@#*_+=€$£\n\t\r `|[]{}<>\u201c\u201d\u2018\u2019\u2026\u2022")
_JOINERS = frozenset("\u200d\ufe0f\ufe0e")


def find_noise(text: str) -> Iterator[ScreenFinding]:
    """Yield what the form of ``text`` gives away."""
    odd = sum(not (c.isalnum() or c.isspace() or c in _COMMON or unicodedata.category(c)[0] in "MLS") for c in text)
    marks = sum(not (c.isalnum() or c.isspace()) and unicodedata.category(c)[0] != "M" for c in text)
    if len(text) >= MIN_LENGTH and max(odd, marks) > ODD_SHARE * len(text):
        yield _finding("noise.odd_marks", "Odd marks make up too much of the text.", len(text))
    hidden = sum(unicodedata.category(c) == "Cf" and c not in _JOINERS for c in text)
    if hidden >= HIDDEN_AT:
        yield _finding("noise.hidden_characters", "The text holds characters that nobody can see.", len(text))


def _finding(rule_id: str, description: str, length: int) -> ScreenFinding:
    return ScreenFinding(
        rule_id=rule_id, level=Level.MEDIUM, score=0.4, span=Span(0, length), chain=(), description=description
    )
