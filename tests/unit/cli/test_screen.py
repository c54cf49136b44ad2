"""What stands in a table can be read and copied on any screen."""

import io

import pytest
from rich.console import Console

from tools.cli.screen import listing

ID = "01a228ce-1994-7486-a9ae-dcb0f434491a"


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_narrow_screen_folds_and_never_cuts(width: int) -> None:
    """Every character of an id is there, in the order in which it stands."""
    table = listing("decision", "kind")
    table.add_row(ID, "decision")
    output = io.StringIO()
    Console(file=output, width=width).print(table)
    rows = output.getvalue().splitlines()
    column = rows[0].index("kind")

    assert "".join(row[:column].strip() for row in rows[1:]) == ID
