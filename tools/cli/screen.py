"""Where people read: as wide as their terminal, and wide enough where the output goes to a file."""

import os
import sys

from rich.console import Console

_FILE_WIDTH = 140
"""Characters a line where neither a terminal nor COLUMNS could tell."""


def screen() -> Console:
    """Return the console of standard output."""
    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    # What is printed is mostly not ours: brackets and colons in it are characters, neither styles nor emoji.
    return Console(highlight=False, markup=False, emoji=False, width=None if told else _FILE_WIDTH)
