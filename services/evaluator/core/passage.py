"""A text as sentences, words and numbers: the parts that the quality formulas count."""

import re
from collections.abc import Sequence

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"'\u201d)\]])\s+|(?<=[\u3002\uff01\uff1f])\s*|\n+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_HAS_CONTENT = re.compile(r"[^\W_]")
_FUNCTION_WORDS = frozenset(
    """
    about after also and any are because been but can could did does for from had has have her his
    how into its may more most must not our out over shall she should some such than that the their
    them then there these they this those under until was were what when where which while who why
    will with would you your
    """.split()  # noqa: SIM905 - a list of eighty quoted words would be unreadable
)


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of ``text`` in order; a line break ends one, and one without letter or digit is none."""
    parts = (part.strip() for part in _SENTENCE_END.split(text))
    return tuple(part for part in parts if _HAS_CONTENT.search(part))


def content_words(text: str) -> frozenset[str]:
    """Return the distinct words of three letters and more that carry meaning, case-folded."""
    return frozenset(_WORD.findall(text.casefold())) - _FUNCTION_WORDS


def numbers(text: str) -> frozenset[str]:
    """Return the distinct numbers of ``text``; ``10,000`` and ``10000`` are the same."""
    return frozenset(number.replace(",", "") for number in _NUMBER.findall(text))


def share_found(wanted: frozenset[str], places: Sequence[frozenset[str]]) -> float:
    """Return the share of ``wanted`` that occurs in any of the places, 1.0 where nothing is wanted."""
    if not wanted:
        return 1.0
    return len(wanted & frozenset().union(*places)) / len(wanted)
