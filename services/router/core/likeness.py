"""Which answers say the same: equal words, or near in meaning with the same numbers and the same polarity.

Vectors alone cannot tell this. With the mesh's own embedding model "25 days" and "28 days" of leave have a cosine of
0.92, "Rome is bigger than Berlin" and its reverse 0.99, a refund "by phone" and "by letter" 0.91: nearer than most
paraphrases. So numbers, negations and opposites must agree, and a sentence that differs from another in one word that
carries something is another answer. In doubt answers differ: a vote that fails brings a person in, one that is wrongly
met does not.
"""

import json
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from math import fsum, hypot

PIECE_CHARACTERS = 1_000
"""The embedding model reads about as much at once; of a longer text it would miss the end."""
MAX_PIECES = 16
Vector = Sequence[float]
_SAME_FRAME = 0.6
"""Share of words in the same order from which two texts are one sentence with differences."""
_FRAME_WORDS = 200
"""Longer texts are never one sentence, and comparing their words takes too long."""
_EMPTY = frozenset(
    "the an is are was were be been am do does did to of in on at by for with and or that this these those it "  # noqa: SIM905 - no list
    "its as from can could may might must shall should will would has have had you your we our they he she i".split()
)
"""Words that carry nothing of their own; a single letter may name something."""

_WORD = re.compile(
    r"(?:(?<!\w)[-\u2212])?\d+(?:[.,]\d+)*"  # a number with its sign
    r"|[^\W\d_]+(?:['\u2019][^\W\d_]+)*"  # a word, also don't
    r"|[%$\u20ac\u00a3<>=\u2264\u2265]"  # a sign that changes what is said
)
_NUMBER = re.compile(r"-?\d[\d.,]*|[%$\u20ac\u00a3<>=\u2264\u2265]")
"""What must be there in both answers, or in none."""
_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = {
    word: 10 * number
    for number, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_UNITS = {word: number for number, word in enumerate(_SMALL)}
_NEGATIONS = frozenset({"no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot"})
_OPPOSITES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("yes true correct right", "no false incorrect wrong"),
        (
            "allow allows allowed permit permits permitted may",
            "deny denies denied forbid forbids forbidden prohibited refuse",
        ),
        ("above over more higher greater longer larger", "below under less fewer lower smaller shorter"),
        (
            "increase increases increased rise rises rose grow grows grew",
            "decrease decreases decreased fall falls fell shrink",
        ),
        ("before earlier", "after later"),
        ("always all every", "sometimes some few"),
        ("buy bought", "sell sold"),
        ("first", "last"),
        ("minimum least", "maximum most"),
        ("include includes included including", "exclude excludes excluded excluding"),
        ("mandatory required must", "optional voluntary"),
        ("safe", "unsafe dangerous"),
        ("legal lawful", "illegal unlawful"),
        ("possible", "impossible"),
    )
)


def groups(texts: Sequence[str], vectors: Sequence[Vector] | None, *, similarity: float) -> list[int]:
    """Return the number of the group of each text; a text joins the first group whose founder it is alike.

    Args:
        texts: The answers.
        vectors: Their meaning, of length 1 each; None where only equal ones shall count as alike.
        similarity: Cosine from which two meanings are one.
    """
    founders: list[int] = []
    numbers: list[int] = []
    for place, text in enumerate(texts):
        for number, founder in enumerate(founders):
            near = vectors is not None and cosine(vectors[place], vectors[founder]) >= similarity
            if equal(text, texts[founder]) or (near and compatible(text, texts[founder])):
                numbers.append(number)
                break
        else:
            numbers.append(len(founders))
            founders.append(place)
    return numbers


def equal(one: str, other: str) -> bool:
    """Tell whether both are the same words in the same order, or the same JSON, however they are set."""
    parsed = _json(one), _json(other)
    if parsed[0] is not None or parsed[1] is not None:
        return parsed[0] == parsed[1]
    return words(one) == words(other)


def compatible(one: str, other: str) -> bool:
    """Tell whether nothing that a vector does not see keeps both apart: numbers, negation, opposites, their form."""
    first, second = words(one), words(other)
    return (
        _json(one) is None
        and _json(other) is None
        and _numbers(first) == _numbers(second)
        and _negations(first) == _negations(second)
        and not _opposed(frozenset(first), frozenset(second))
        and not _swapped(first, second)
    )


def words(text: str) -> list[str]:
    """Return the words of ``text`` in one form: case, marks and grouped digits aside, numbers as digits."""
    plain = text.replace("\u2019", "'").replace("\u2212", "-")
    found = [word.casefold() for word in _WORD.findall(plain)]
    return _spelled_as_digits(found)


def pieces(text: str) -> list[str]:
    """Return ``text`` in pieces that the embedding model reads whole."""
    starts = range(0, min(len(text), PIECE_CHARACTERS * MAX_PIECES), PIECE_CHARACTERS)
    return [text[start : start + PIECE_CHARACTERS] for start in starts]


def mean(vectors: Sequence[Vector]) -> Vector:
    """Return the direction in which all ``vectors`` point together, of length 1."""
    sums = [fsum(column) for column in zip(*vectors, strict=True)]
    length = hypot(*sums) or 1.0
    return [value / length for value in sums]


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors of length 1."""
    return fsum(a * b for a, b in zip(one, other, strict=True))


def _json(text: str) -> str | None:
    """Return the canonical form of a JSON object or list; None for any other text."""
    if not text.strip().startswith(("{", "[")):
        return None
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _spelled_as_digits(found: list[str]) -> list[str]:
    done: list[str] = []
    tens = 0
    for word in found:
        unit = _UNITS.get(word)
        if tens and unit is not None and 0 < unit < len(_SMALL) // 2:
            done[-1] = str(tens + unit)
        else:
            done.append(_as_digits(word))
        tens = _TENS.get(word, 0)
    return done


def _as_digits(word: str) -> str:
    if word in _TENS or word in _UNITS:
        return str(_TENS.get(word, _UNITS.get(word)))
    if not word.lstrip("-")[:1].isdigit():
        return word
    plain = re.sub(r",(?=\d{3}(?:\D|$))", "", word)
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _numbers(found: Sequence[str]) -> frozenset[str]:
    return frozenset(word for word in found if _NUMBER.fullmatch(word))


def _negations(found: Sequence[str]) -> int:
    """Return 1 where the whole is negated: two negations undo each other."""
    return sum(word in _NEGATIONS or word.endswith("n't") for word in found) % 2


def _swapped(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether both are one sentence but for a word that carries something and stands in the place of another."""
    if max(len(one), len(other)) > _FRAME_WORDS:
        return False
    matcher = SequenceMatcher(a=one, b=other, autojunk=False)
    if matcher.ratio() < _SAME_FRAME:
        return False
    return any(
        tag == "replace" and _carries(one[a:b]) and _carries(other[c:d]) for tag, a, b, c, d in matcher.get_opcodes()
    )


def _carries(some: Sequence[str]) -> bool:
    return not _EMPTY.issuperset(some)


def _opposed(one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether one says what the other says the contrary of, neither saying both."""
    for left, right in _OPPOSITES:
        sides = [(not words.isdisjoint(left), not words.isdisjoint(right)) for words in (one, other)]
        if sides in ([(True, False), (False, True)], [(False, True), (True, False)]):
            return True
    return False
