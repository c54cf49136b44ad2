"""Cuts a text into sentences without losing the offsets."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from services.critic.core.material import Span

_BREAK = re.compile(r"(?<=[.!?])[\"'\u201d\u2019)]?\s+|\n+")
"""An end mark followed by white space, or a line end; so ``3.5`` and ``e.g.x`` hold together."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of one text, in order and without gaps between the first and the last."""

    text: str
    starts: Sequence[int]

    @classmethod
    def of(cls, text: str) -> "Sentences":
        """Cut ``text``; an empty text is one empty sentence."""
        return cls(text, (0, *(match.end() for match in _BREAK.finditer(text))))

    def around(self, position: int) -> Span:
        """Return the span of the sentence that holds ``position``."""
        index = bisect_right(self.starts, position) - 1
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.text)
        return Span(self.starts[index], end)

    def spans(self) -> tuple[Span, ...]:
        """Return every sentence that holds more than white space."""
        ends = (*self.starts[1:], len(self.text))
        pairs = zip(self.starts, ends, strict=True)
        return tuple(Span(start, end) for start, end in pairs if self.text[start:end].strip())
