"""Where people read: as wide as their terminal, and wide enough where the output goes to a file."""

import os
import sys

from rich.console import Console
from rich.table import Table

_FILE_WIDTH = 140
"""Characters a line where neither a terminal nor COLUMNS could tell."""


def screen() -> Console:
    """Return the console of standard output."""
    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    # What is printed is mostly not ours: brackets and colons in it are characters, neither styles nor emoji.
    return Console(highlight=False, markup=False, emoji=False, width=None if told else _FILE_WIDTH)


def listing(*columns: str) -> Table:
    """Return an empty table without lines; where it is too wide, what stands in it is folded and never cut short.

    Ids, names and keys are there to be copied: an ellipsis would take that away.
    """
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
