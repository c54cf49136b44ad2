"""Text from the shell, UTF-8 or refused, because nothing here guesses encodings; and words for people."""

import os
import sys

import typer

STANDARD_INPUT = "-"
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Marks that make text run the other way (Unicode Standard Annex 9), so that it reads as what it is not."""
_SHOWN_AS = dict.fromkeys((*_CONTROLS, *_DIRECTIONS), "\N{REPLACEMENT CHARACTER}") | {ord("\n"): "\n", ord("\t"): "\t"}


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


def printable(text: str) -> str:
    """Return foreign text for a terminal: what would steer it, or turn words around, is a replacement character."""
    return text.translate(_SHOWN_AS)


def one_line(text: str) -> str:
    """Return foreign text as `printable`, in one line."""
    return printable(" ".join(text.split()))


def counted(count: int, noun: str) -> str:
    """Return ``1 chunk`` or ``2 chunks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
