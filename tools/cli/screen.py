"""Where people read: as wide as their terminal, and wide enough where the output goes to a file."""

import sys

from rich.console import Console

_FILE_WIDTH = 140
"""Characters a line where there is no terminal that could tell."""


def screen() -> Console:
    """Return the console of standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
