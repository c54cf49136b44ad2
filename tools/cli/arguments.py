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

LONGEST_S = 86_400.0
"""A day. No call of the mesh may take as long, and gRPC takes a deadline that is too far away for one that is over."""
Timeout = Annotated[
    float,
    typer.Option("--timeout", min=0.001, max=LONGEST_S, help="Seconds to wait for an answer.", metavar="SECONDS"),
]

LARGEST = 2**31 - 1
"""The largest number that a field of type int32 carries."""

__all__ = ["DEFAULT_STATE", "LARGEST", "Json", "State", "Timeout"]
