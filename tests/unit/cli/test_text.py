"""What comes from the shell is UTF-8 or refused."""

import io
import sys

import pytest
import typer

from tools.cli.text import counted, one_line, printable, typed


def test_an_argument_is_its_text() -> None:
    """Letters of any language pass."""
    assert typed("Wie viele Urlaubstage? 何日ですか") == "Wie viele Urlaubstage? 何日ですか"


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long question can come through a pipe, whatever the locale."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("größer?".encode()), encoding="ascii"))

    assert typed("-") == "größer?"


@pytest.mark.parametrize("argument", ["caf\udce9", "-"])
def test_bytes_that_are_no_text_are_refused(argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The position of the first wrong byte is named."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9")))
    with pytest.raises(typer.BadParameter, match=r"not UTF-8 \(byte 3\)"):
        typed(argument)


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2Jgone", "\ufffd[2Jgone"),
        ("\x9b2J", "\ufffd2J"),
        ("\rover it", "\ufffdover it"),
        ("txt.\u202eexe", "txt.\ufffdexe"),
        ("\u2067abc", "\ufffdabc"),
        ("\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", None),
    ],
)
def test_foreign_text_cannot_steer_a_terminal(foreign: str, shown: str | None) -> None:
    """Nothing moves the cursor or turns words around; joiners, which emoji and Persian need, stay."""
    assert printable(foreign) == (foreign if shown is None else shown)


def test_a_title_stays_in_its_line() -> None:
    """A document cannot add lines to a table."""
    assert one_line("Leave\n\n  2026\x07") == "Leave 2026\ufffd"


@pytest.mark.parametrize(("count", "shown"), [(0, "0 chunks"), (1, "1 chunk"), (2, "2 chunks")])
def test_one_is_not_many(count: int, shown: str) -> None:
    """People read numbers with their nouns."""
    assert counted(count, "chunk") == shown
