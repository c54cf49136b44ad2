"""Reads amounts out of prose: a value, and the word it counts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.critic.core.material import Span
from services.critic.core.word_lists import IDLE_WORDS, NUMBER_WORDS, stem

_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_WORDS = {word: value for value, word in enumerate(NUMBER_WORDS)} | _TENS | {"hundred": 100}
_SCALES = {"thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9}
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound", "usd": "dollar", "eur": "euro", "gbp": "pound"}
_AMOUNT = re.compile(
    r"(?<![\w.,-])(?P<currency>[$€£])?\s?(?P<number>\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,6})?|\d{1,15}(?:\.\d{1,6})?|(?:"
    rf"(?:{'|'.join(_TENS)})[\s-](?:{'|'.join(NUMBER_WORDS[1:10])})|"
    + "|".join(_WORDS)
    + r")\b)(?:[\s-]?(?P<scale>thousand|million|billion|bn|k|m)\b)?(?P<percent>\s?%|\s+per\s?cent\b)?"
    r"(?P<after>(?:[\s-]{1,2}[a-z]{1,20}\b){0,2})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount and what it is an amount of."""

    value: float
    unit: str
    """The counted word in the singular, ``%``, a currency, or empty."""
    span: Span


def quantities(text: str, start: int = 0, end: int | None = None) -> Iterator[Quantity]:
    """Yield the amounts between two offsets of ``text``, in order."""
    for match in _AMOUNT.finditer(text, start, len(text) if end is None else end):
        yield Quantity(_value(match), _unit(match), Span(match.start("number"), match.end("number")))


def _value(match: re.Match[str]) -> float:
    number = match["number"].casefold()
    words = re.split(r"[\s-]", number)
    value = float(sum(map(_WORDS.__getitem__, words))) if words[0] in _WORDS else float(number.replace(",", ""))
    return value * _SCALES.get((match["scale"] or "").casefold(), 1.0)


def _unit(match: re.Match[str]) -> str:
    if match["currency"]:
        return _CURRENCIES[match["currency"]]
    if match["percent"]:
        return "%"
    words = [word for word in re.split(r"[\s-]+", match["after"].casefold()) if word and word not in IDLE_WORDS]
    if not words:
        return ""
    return _CURRENCIES.get(words[0]) or stem(words[0])
