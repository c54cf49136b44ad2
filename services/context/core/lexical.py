"""Search by words in memory: Okapi BM25 over stemless lowercase words, for the local copy of a pack."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

K1 = 1.2
"""Saturation of term frequency (Robertson and Zaragoza, 2009)."""
B = 0.75
"""Strength of length normalisation (same source)."""
_WORD = re.compile(r"\w+(?:[-.]\w+)*")
_STOPWORDS = """
    a about after all also an and any are as at be been before but by can could did do does for from had has
    have he her him his how i if in into is it its may me more most must my no not of on one or other our out
    over own shall she should so some such than that the their them then there these they this to under up us
    was we were what when where which who why will with would you your
"""
STOPWORDS = frozenset(_STOPWORDS.split())
"""Words that carry no meaning of their own in a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How well one text answers to the words of a question."""

    index: int
    score: float
    coverage: float
    """Share of the question's words in the text, 0 to 1, each weighed by its rarity."""


@dataclass(frozen=True, slots=True)
class Index:
    """The words of some texts, ready to be asked."""

    counts: tuple[Mapping[str, int], ...]
    lengths: tuple[int, ...]
    frequency: Mapping[str, int]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Index":
        """Count the words of ``texts``."""
        counts = tuple(Counter(words(text)) for text in texts)
        frequency = Counter(word for count in counts for word in count)
        return cls(counts, tuple(sum(count.values()) for count in counts), frequency)

    def search(self, question: str, *, limit: int) -> tuple[Match, ...]:
        """Return the texts that share a word with ``question``, best first, at most ``limit``."""
        rarity = {word: self._rarity(word) for word in sorted(set(words(question)))}
        mean = sum(self.lengths) / max(1, len(self.lengths))
        matches = [m for i in range(len(self.counts)) if (m := self._match(i, rarity, mean)) is not None]
        return tuple(sorted(matches, key=lambda m: (-m.score, m.index))[:limit])

    def _match(self, index: int, rarity: Mapping[str, float], mean_length: float) -> Match | None:
        count = self.counts[index]
        shared = [word for word in rarity if word in count]
        if not shared:
            return None
        norm = K1 * (1 - B + B * self.lengths[index] / mean_length)
        score = sum(rarity[word] * count[word] * (K1 + 1) / (count[word] + norm) for word in shared)
        return Match(index=index, score=score, coverage=sum(rarity[w] for w in shared) / sum(rarity.values()))

    def _rarity(self, word: str) -> float:
        found, total = self.frequency.get(word, 0), len(self.counts)
        return math.log1p((total - found + 0.5) / (found + 0.5))


def words(text: str) -> list[str]:
    """Return the words of ``text`` in order, lowercase, without stopwords; codes such as ``xk-4471`` stay whole."""
    return [word for word in _WORD.findall(text.lower()) if word not in STOPWORDS]
