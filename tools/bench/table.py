"""The one form in which benchmarks print: a row each, beside each figure its ratio to the first row's."""

from collections.abc import Mapping, Sequence

_NAME, _FIGURE, _RATIO = 26, 12, 10
_SMALL = 100.0

Row = Sequence[float | None]
"""A figure per column; None where nothing was measured."""


def table(columns: Sequence[str], rows: Mapping[str, Row]) -> str:
    """Return the rows as text; the first is the baseline that the others are divided by."""
    baseline = next(iter(rows.values()))
    head = " " * _NAME + "".join(f"{column:>{_FIGURE + _RATIO}}" for column in columns)
    lines = [f"{name:<{_NAME}}" + "".join(map(_cell, row, baseline)) for name, row in rows.items()]
    return "".join(f"{line.rstrip()}\n" for line in (head, *lines))


def _cell(value: float | None, baseline: float | None) -> str:
    if value is None:
        return f"{'-':>{_FIGURE}}" + " " * _RATIO
    shown = f"{value:,.1f}" if value < _SMALL else f"{value:,.0f}"
    ratio = f"{value / baseline:.2f} x" if baseline else ""
    return f"{shown:>{_FIGURE}}{ratio:>{_RATIO}}"
