"""Every reading of a text that is worth scanning: as it stands, folded, with up to two layers of encoding taken off.

The number of views is bounded and each is at most a small multiple of the text: screening stays linear in its length.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.critic.core.material import Span
from services.critic.core.screening.decoding import Decoded, decode
from services.critic.core.screening.folding import Unfolding, close_up, fold, unleet

MAX_LAYERS = 2
"""Encodings inside one another that are taken off."""


@dataclass(frozen=True, slots=True)
class View:
    """One reading of the text."""

    text: str
    chain: tuple[str, ...]
    """What was done to get it, outermost first; empty for the text as it stands."""
    place: Callable[[Span], Span]
    """Finds a range of this reading in the text as it was given."""


def views(text: str) -> Iterator[View]:
    """Yield the readings of ``text``, the plainest first, none of them twice in a row."""
    original = View(text, (), lambda span: span)
    yield from _layers(original, MAX_LAYERS)


def _layers(view: View, left: int) -> Iterator[View]:
    readings = tuple(_readings(view))
    yield from readings
    if left == 0:
        return
    plain = next((reading for reading in readings if reading.chain[-1:] == ("fold",)), view)
    for name, decoded in decode(plain.text):
        if name != "rot13" or "rot13" not in view.chain:
            yield from _layers(_inner(plain, name, decoded), left - 1)


def _inner(view: View, name: str, decoded: Decoded) -> View:
    def place(span: Span) -> Span:
        return view.place(decoded.source(span) if decoded.pieces else span)

    return View(decoded.text, (*view.chain, name), place)


def _readings(view: View) -> Iterator[View]:
    """Yield a view itself and its foldings, where they differ from it."""
    yield view
    folded = fold(view.text)
    plain = view
    if folded != view.text:
        unfold = Unfolding(view.text)
        plain = View(folded, (*view.chain, "fold"), lambda span: view.place(unfold(span)))
        yield plain
    letters = unleet(folded)
    if letters != folded:
        yield View(letters, (*view.chain, "leet"), plain.place)
    closed = tuple(close_up(letters))
    if closed:
        yield _closed_up(plain, closed)


def _closed_up(plain: View, closed: tuple[tuple[str, Span], ...]) -> View:
    pieces, begin = [], 0
    for words, place in closed:
        pieces.append((begin, place))
        begin += len(words) + 1
    joined = Decoded("\n".join(words for words, _ in closed), tuple(pieces))
    return View(joined.text, (*plain.chain, "spacing"), lambda span: plain.place(joined.source(span)))
