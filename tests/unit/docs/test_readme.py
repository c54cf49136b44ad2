"""What README says can be done, can be done."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from tools.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_COMMAND = re.compile(r"^\.venv/bin/magistrate ([^|#\n]+)", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def commands() -> list[str]:
    """Return every command line of ours that README shows."""
    return _COMMAND.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def test_readme_shows_commands() -> None:
    """The pattern that finds the commands still finds some."""
    assert len(commands()) >= 6


@pytest.mark.parametrize("line", commands())
def test_every_command_parses(line: str) -> None:
    """Each command exists and takes the options that README gives it."""
    group = typer.main.get_command(app)
    words = shlex.split(line)
    command = group.commands[words[0]]  # type: ignore[attr-defined]
    # Parsing alone: nothing is started and nothing is asked.
    command.make_context(words[0], words[1:], resilient_parsing=True)
    known = {option for parameter in command.params for option in parameter.opts}

    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_target_exists(page: Path) -> None:
    """Each relative link leads to a file, and each make target is one."""
    text = page.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert [link for link in _LINK.findall(text) if not (page.parent / link).exists()] == []
    assert [name for name in re.findall(r"`make ([a-z]+)`", text) if f"\n{name}:" not in makefile] == []
