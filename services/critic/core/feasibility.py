"""Finds plans that cost more, or take longer, than the case says is there."""

import re
from collections.abc import Iterator

from services.critic.core.finding import Finding
from services.critic.core.material import Material, Span
from services.critic.core.quantities import quantities
from services.critic.core.vocabulary import Side
from services.critic.core.word_lists import stem

WINDOW = 60
"""Code points behind a limit or a cost word in which its amount is looked for."""

_HOURS = {"hour": 1.0, "day": 24.0, "week": 168.0, "month": 730.0, "year": 8760.0, "minut": 1 / 60, "second": 1 / 3600}
_HOURS_BY_STEM = {stem(unit): hours for unit, hours in _HOURS.items()}
_MONEY = frozenset({"dollar", "euro", "pound"})

_LIMIT = re.compile(
    r"\b(?:budgets?|limit(?:ed)?|cap(?:ped)?|ceiling|maximum|at\s+most|no\s+more\s+than|up\s+to|deadline|due\s+in|within|must\s+be\s+(?:done|finished|ready))\b",
    re.IGNORECASE,
)
_COST = re.compile(
    r"\b(?:costs?|costing|prices?|priced|spend(?:ing)?|total(?:s|ling)?|amounts?\s+to|comes?\s+to|requires?|needs?|takes?|last(?:s|ing)?|finish(?:ed)?\s+in|ready\s+in|buy(?:ing)?|pay(?:ing)?|invest(?:ing)?)\b",
    re.IGNORECASE,
)


def overruns(material: Material) -> tuple[Finding, ...]:
    """Return a finding for every amount in the output above every limit of its kind in question and context."""
    stated = [*_amounts(_LIMIT, material.input), *_amounts(_LIMIT, material.context)]
    limits: dict[str, float] = {}
    for kind, value, _ in stated:
        limits[kind] = max(value, limits.get(kind, value))
    return tuple(
        _finding(kind, span)
        for kind, value, span in _amounts(_COST, material.output)
        if value > limits.get(kind, float("inf"))
    )


def _amounts(marker: re.Pattern[str], text: str) -> Iterator[tuple[str, float, Span]]:
    """Yield kind, value and place of the first amount of money or time behind each marker word."""
    for match in marker.finditer(text):
        for quantity in quantities(text, match.end(), match.end() + WINDOW):
            if quantity.unit in _MONEY:
                yield quantity.unit, quantity.value, quantity.span
                break
            if quantity.unit in _HOURS_BY_STEM:
                yield "time", quantity.value * _HOURS_BY_STEM[quantity.unit], quantity.span
                break


def _finding(kind: str, span: Span) -> Finding:
    over = "longer than the time" if kind == "time" else "more than the money"
    return Finding(
        rule_id=f"operations.over_{'time' if kind == 'time' else 'budget'}",
        category="time" if kind == "time" else "cost",
        description=f"The plan takes {over} that the case allows.",
        side=Side.OUTPUT,
        span=span,
        weight=0.8,
    )
