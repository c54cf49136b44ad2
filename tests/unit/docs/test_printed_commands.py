"""Every command that a help page, README or page of docs prints is one that the command line takes."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tools.cli.main import app

ROOT = Path(__file__).parents[3]
MAGISTRATE = typer.main.get_group(app)
_CODE = re.compile(r"```\w*\n(.*?)```|`([^`]+)`", re.DOTALL)
_COMMAND = re.compile(r"^(?:\.venv/bin/)?magistrate (.+?)\s*(?:[|<#[].*)?$", re.MULTILINE)


def _written() -> Iterator[tuple[str, str]]:
    for page in sorted((ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))):
        for block in _CODE.finditer(page.read_text()):
            code = " ".join((block[1] or block[2]).split("\n")) if block[2] else block[1]
            yield from ((str(page.relative_to(ROOT)), command) for command in _COMMAND.findall(code))


def _shown() -> Iterator[tuple[str, str]]:
    for name, command in MAGISTRATE.commands.items():
        yield from ((f"{name} --help", line) for line in _COMMAND.findall(command.epilog or ""))


def _complaint(words: list[str], group: TyperGroup = MAGISTRATE) -> str:
    """Return what is wrong with a command; nothing runs. Prose may name one without its arguments."""
    if not words or words[0].startswith("-"):
        return _refusal(lambda: group.make_context(group.name, words))
    command = group.commands.get(words[0])
    if command is None:
        return f"there is no {words[0]}"
    if isinstance(command, TyperGroup):
        return _complaint(words[1:], command)
    return _refusal(lambda: command.make_context(command.name, words[1:]))


def _refusal(parse: Callable[[], object]) -> str:
    try:
        parse()
    except typer.Exit:
        return ""
    except TyperException as error:
        return "" if type(error).__name__ == "MissingParameter" else error.format_message()
    return ""


@pytest.mark.parametrize(("page", "line"), sorted({*_written(), *_shown()}))
def test_a_printed_command_is_taken(page: str, line: str) -> None:
    """A reader who types what is printed is not told of a wrong option."""
    assert _complaint(shlex.split(line)) == "", page


def test_the_pages_print_commands() -> None:
    """The pattern that finds the commands still finds them: README alone has twenty."""
    assert len([page for page, _ in _written() if page == "README.md"]) >= 20


@pytest.mark.parametrize("line", ["verify --bundel x", "keys rotat", "nonsense", "records --verdict maybe", "down now"])
def test_a_wrong_command_would_be_found(line: str) -> None:
    """The check above can fail."""
    assert _complaint(shlex.split(line))
