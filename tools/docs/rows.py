"""The rows of the feature table: their areas, ids and titles, so that every open one is seen."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("rows.yaml")


@cache
def areas() -> Mapping[str, Mapping[str, str]]:
    """Return, by area and in order, what each row asks for by its id."""
    read: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return read


def every() -> list[str]:
    """Return the id of every row and trap, in order."""
    return [row for rows in areas().values() for row in rows]
