"""Takes off disguises that people read through: look-alike letters, invisible ones, spaced or leet writing."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from services.critic.core.material import Span

MAX_GROWTH = 4
"""A character that folds into more than this many is left alone, so that a view never outgrows its text."""

_LOOKALIKES = dict(
    zip(
        "аеорсухіјѕԁһӏкмтвнАВЕКМНОРСТХУІЈЅαορνικτυΑΒΕΖΗΙΚΜΝΟΡΤΥΧɡıⅼ",
        "aeopcyxijsdhlkmtbhABEKMHOPCTXYIJSaopviktuABEZHIKMNOPTYXgil",
        strict=True,
    )
) | {"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u2026": "..."}
_TAGS = range(0xE0020, 0xE007F)
"""Tag characters: they spell ASCII that nobody sees."""
_VARIATIONS = range(0xFE00, 0xFE10)
_INVISIBLE = frozenset("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\ufeff\uffa0")


class _Folds(dict[int, str]):
    """A translation table that works out each character once."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


def _fold(character: str) -> str:
    if ord(character) in _TAGS:
        return chr(ord(character) - 0xE0000)
    category = unicodedata.category(character)
    if category == "Cf" or character in _INVISIBLE or ord(character) in _VARIATIONS:
        return ""
    if category == "Cc" and not character.isspace():
        return ""
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    plain = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    plain = "".join(_LOOKALIKES.get(c, c) for c in plain)
    return plain if len(plain) <= MAX_GROWTH else character


_FOLDS = _Folds()


def fold(text: str) -> str:
    """Return ``text`` in plain letters: compatibility forms, accents, look-alikes and invisible characters are gone."""
    return text.translate(_FOLDS)


class Unfolding:
    """Finds what of a text became a range of its folded form; many ranges cost hardly more than one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, span: Span) -> Span:
        """Return the range of the text that became ``span`` of its folded form."""
        last = min(bisect_left(self._ends, span.end), len(self._text) - 1)
        first = bisect_right(self._ends, span.start)
        # Characters that fold into nothing belong to what follows them.
        return Span(max(0, min(first, last)), last + 1)

    @cached_property
    def _ends(self) -> Sequence[int]:
        """How long the folded form is after each character."""
        return tuple(accumulate(len(_FOLDS[ord(character)]) for character in self._text))


_LEET = str.maketrans("013457@$", "oieastas")
_LEET_WORD = re.compile(r"(?<!\S)(?=\S{0,30}[A-Za-z])(?=\S{0,30}[013457@$])[A-Za-z013457@$!|]{3,30}(?!\w)")


def unleet(text: str) -> str:
    """Return ``text`` with words such as ``1gn0r3`` in letters; the length does not change."""
    return _LEET_WORD.sub(lambda match: match[0].translate(_LEET).replace("!", "i").replace("|", "l"), text)


_SPACED = re.compile(r"(?<!\w)(?:\w(?:[ ._*-]{1,3})){4,}\w(?!\w)")
_WORD_GAP = re.compile(r"[ ._*-]{2,3}")
_GAP = re.compile(r"[ ._*-]")


def close_up(text: str) -> Iterator[tuple[str, Span]]:
    """Yield every run of letters written apart, such as ``i g n o r e``, closed up, with its place."""
    for match in _SPACED.finditer(text):
        words = (_GAP.sub("", word) for word in _WORD_GAP.split(match[0]))
        yield " ".join(words), Span(*match.span())
