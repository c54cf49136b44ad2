"""Shapes of personal data that can be told by form and, where there is one, by a check digit."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.critic.core.material import Span
from services.critic.core.screening.verdict import Level, ScreenFinding

_CARD_LENGTHS = range(13, 20)
_OCTET_MAX = 255


def luhn(digits: str) -> bool:
    """Return whether the digits pass the Luhn check of payment cards (ISO/IEC 7812-1)."""
    doubled = (int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits)))
    return sum(sum(divmod(value, 10)) for value in doubled) % 10 == 0


def iban(value: str) -> bool:
    """Return whether an account number passes the mod-97 check (ISO 13616-1)."""
    turned = value[4:] + value[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _card(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return len(digits) in _CARD_LENGTHS and len(set(digits)) > 1 and luhn(digits)


def _iban(text: str) -> bool:
    return iban(re.sub(r"\s", "", text).upper())


def _address(text: str) -> bool:
    return all(int(part) <= _OCTET_MAX for part in text.split(".")) and not text.startswith(("0.", "127.", "255."))


def _any(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    name: str
    level: Level
    score: float
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]


def _shape(name: str, level: Level, score: float, pattern: str, valid: Callable[[str], bool] = _any) -> _Shape:
    return _Shape(name=name, level=level, score=score, pattern=re.compile(pattern), valid=valid)


_SHAPES: tuple[_Shape, ...] = (
    _shape("payment_card", Level.MEDIUM, 0.55, r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])", _card),
    _shape("us_ssn", Level.MEDIUM, 0.5, r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"),
    _shape("iban", Level.MEDIUM, 0.5, r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)", _iban),
    _shape("email", Level.LOW, 0.2, r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}(?!\w)"),
    _shape(
        "phone",
        Level.LOW,
        0.15,
        r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}"
        r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}|0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4})"
        r"(?:\s?x\d{1,5})?(?![\w-])",
    ),
    _shape("ip_address", Level.LOW, 0.1, r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])", _address),
)


def find_personal_data(text: str) -> Iterator[ScreenFinding]:
    """Yield every shape of personal data in ``text``."""
    for shape in _SHAPES:
        for match in shape.pattern.finditer(text):
            if shape.valid(match[0]):
                yield ScreenFinding(
                    rule_id=f"personal.{shape.name}",
                    level=shape.level,
                    score=shape.score,
                    span=Span(*match.span()),
                    chain=(),
                    description=f"Personal data is written out ({shape.name.replace('_', ' ')}).",
                )
