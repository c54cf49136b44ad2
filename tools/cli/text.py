"""Text from the shell, UTF-8 or refused, because nothing here guesses encodings; and words for people."""

import os
import sys

import typer

STANDARD_INPUT = "-"


def typed(argument: str) -> str:
    """Return the text of an argument; ``-`` stands for standard input.

    Raises:
        typer.BadParameter: It is not UTF-8.
    """
    raw = sys.stdin.buffer.read() if argument == STANDARD_INPUT else os.fsencode(argument)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"the text is not UTF-8 (byte {error.start})") from error


def counted(count: int, noun: str) -> str:
    """Return ``1 chunk`` or ``2 chunks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
