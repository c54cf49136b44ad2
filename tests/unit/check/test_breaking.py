"""Whether a break of the wire is named with its reason."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.check import breaking
from tools.check.breaking import Break

FOUND = Break(rule="FIELD_NO_DELETE", path="a/v1/a.proto", message='Field "2" with name "text" was deleted.')
NAMED = {"rule": "FIELD_NO_DELETE", "path": "a/v1/a.proto", "contains": '"text"', "reason": "never released"}


@pytest.mark.spec("TST-14")
@pytest.mark.parametrize(
    ("entry", "named"),
    [
        (NAMED, True),
        ({**NAMED, "reason": " "}, False),
        ({**NAMED, "rule": "FIELD_SAME_TYPE"}, False),
        ({**NAMED, "path": "b/v1/b.proto"}, False),
        ({**NAMED, "contains": '"other"'}, False),
    ],
)
def test_a_break_needs_its_own_entry_and_a_reason(entry: dict[str, str], named: bool) -> None:
    """Only an entry with this rule, this file, this message and a reason allows a break."""
    assert breaking.is_named(FOUND, entry) is named


@pytest.mark.spec("TST-14")
def test_a_deleted_field_is_found_until_it_is_named(tmp_path: Path) -> None:
    """A field that vanishes between two commits is reported, and no longer once it is named."""
    protos = tmp_path / "protos"
    file = protos / "a" / "v1" / "a.proto"
    file.parent.mkdir(parents=True)
    (protos / "buf.yaml").write_text("version: v2\nmodules:\n  - path: .\nbreaking:\n  use: [WIRE_JSON]\n")
    (protos / "breaks.yaml").write_text("[]\n")
    head = 'syntax = "proto3";\npackage a.v1;\nmessage A {\n  string id = 1;\n'
    file.write_text(head + "  string text = 2;\n}\n")
    _git(tmp_path, "init", "--quiet", "--initial-branch", "trunk")
    _commit(tmp_path)
    file.write_text(head + "}\n")
    _commit(tmp_path)

    unnamed = breaking.problems(tmp_path)
    entry = "- {rule: FIELD_NO_DELETE_UNLESS_NAME_RESERVED, path: a/v1/a.proto, contains: text, reason: a test}\n"
    other = entry.replace("NAME", "NUMBER")
    (protos / "breaks.yaml").write_text(entry + other)

    assert any("text" in problem for problem in unnamed)
    assert breaking.problems(tmp_path) == []


def _commit(root: Path) -> None:
    _git(root, "add", ".")
    _git(root, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--message", "change")


def _git(root: Path, *arguments: str) -> None:
    git = shutil.which("git")
    assert git
    subprocess.run((git, *arguments), cwd=root, check=True)
