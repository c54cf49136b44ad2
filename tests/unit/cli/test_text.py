"""What comes from the shell is UTF-8 or refused."""

import io
import sys

import pytest
import typer

from tools.cli.text import typed


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
