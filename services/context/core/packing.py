"""Pack chunks into a token budget as one text that a prompt can carry as data (spec rows CTX-14, CTX-16, CTX-33)."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from services.context.core import tokens, trust
from services.context.core.values import Hit

MAX_TOKENS = 8000
"""Token budget of a context (spec row CTX-14)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk as it stands in the context."""

    hit: Hit
    text: str
    flags: tuple[str, ...]
    cut: bool = False
    """Whether its end was left out: it alone was larger than the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A context ready for a prompt; empty text where there is nothing to say."""

    text: str
    passages: tuple[Passage, ...]
    token_count: int
    truncated: bool
    """Whether a chunk, or the end of one, was left out for want of room."""


def pack(hits: Sequence[Hit], *, max_tokens: int = MAX_TOKENS) -> Packed:
    """Place ``hits``, best first, into at most ``max_tokens`` tokens.

    The first is the primary chunk: it is kept whole unless it alone exceeds the budget; then its end is cut, and that
    is told. Each further one is taken whole or not at all; a smaller one may still fit after a larger one did not.
    """
    passages: list[Passage] = []
    for hit in hits:
        passage = _passage(hit)
        if _cost([*passages, passage]) <= max_tokens:
            passages.append(passage)
        elif not passages and (short := _shorten(passage, max_tokens)):
            passages.append(short)
    if not passages:
        return Packed(text="", passages=(), token_count=0, truncated=bool(hits))
    text = _render(passages)
    truncated = len(passages) < len(hits) or any(p.cut for p in passages)
    return Packed(text=text, passages=tuple(passages), token_count=tokens.estimate(text), truncated=truncated)


def _passage(hit: Hit) -> Passage:
    inspection = trust.inspect(hit.chunk.text)
    return Passage(hit=hit, text=inspection.text, flags=inspection.rules)


def _shorten(passage: Passage, max_tokens: int) -> Passage | None:
    """Return the longest beginning of ``passage`` that fits alone, or nothing where not even one character does."""
    low, high = 0, len(passage.text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _cost([_cut(passage, middle)]) <= max_tokens else (low, middle - 1)
    return _cut(passage, low) if low else None


def _cut(passage: Passage, length: int) -> Passage:
    return Passage(hit=passage.hit, text=passage.text[:length], flags=passage.flags, cut=True)


def _cost(passages: Sequence[Passage]) -> int:
    return tokens.estimate(_render(passages))


def _render(passages: Sequence[Passage]) -> str:
    """Return the passages, each in a tag of its own. Whoever writes the prompt fences the whole as data."""
    shown = (f"{_tag(number, passage)}\n{passage.text}\n</passage>" for number, passage in enumerate(passages, start=1))
    return "\n".join(shown)


def _tag(number: int, passage: Passage) -> str:
    chunk = passage.hit.chunk
    attributes = {"n": str(number), "id": chunk.chunk_id, "title": chunk.title, "source": chunk.source}
    if passage.flags:
        attributes["withheld"] = " ".join(passage.flags)
    shown = (f'{name}="{_attribute(value)}"' for name, value in attributes.items() if value)
    return f"<passage {' '.join(shown)}>"


def _attribute(value: str) -> str:
    return escape(" ".join(trust.inspect(value).text.split()))
