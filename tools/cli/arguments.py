"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

from tools.up.options import DEFAULT_STATE

State = Annotated[
    Path,
    typer.Option("--state", envvar="MAGISTRATE_STATE", help="Folder of the stack: secrets, data, logs.", metavar="DIR"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

LARGEST = 2**31 - 1
"""The largest number that a field of type int32 carries."""

__all__ = ["DEFAULT_STATE", "LARGEST", "Json", "State"]
