"""Cut a text into overlapping pieces at the best places (spec row CTX-24).

The rule, exactly: pieces are in order; each is at most ``size`` characters; each but the first starts exactly
``overlap`` characters before the end of the one before; the first starts at 0 and the last ends with the text. So every
character is covered and the text can be rebuilt from its pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass

SIZE = 1000
"""Characters in a piece at most (spec row CTX-24)."""
OVERLAP = 200
"""Characters that neighbours share (spec row CTX-24)."""
SEPARATORS = ("\n\n", "\n", ". ", "? ", "! ", " ")
"""Where a piece may end, best first: paragraph, line, sentence, word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a text; offsets count Unicode code points, the end is exclusive."""

    start: int
    end: int
    text: str


def split(text: str, *, size: int = SIZE, overlap: int = OVERLAP) -> tuple[Piece, ...]:
    """Cut ``text`` into pieces by the module's rule; an empty text has none.

    Raises:
        ValueError: unless 0 <= overlap < size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap must be at least 0 and below the size {size}, not {overlap}")
    return tuple(_pieces(text, size, overlap)) if text else ()


def _pieces(text: str, size: int, overlap: int) -> Iterator[Piece]:
    start = 0
    while len(text) - start > size:
        end = _cut(text, least=start + max(overlap + 1, size // 2), most=start + size)
        yield Piece(start=start, end=end, text=text[start:end])
        start = end - overlap
    yield Piece(start=start, end=len(text), text=text[start:])


def _cut(text: str, *, least: int, most: int) -> int:
    """Return the last place in [least, most] that ends the coarsest separator to be found there, else ``most``."""
    for separator in SEPARATORS:
        at = text.rfind(separator, max(least - len(separator), 0), most)
        if at >= 0:
            return at + len(separator)
    return most
