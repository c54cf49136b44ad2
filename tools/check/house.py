"""The house rules that no linter knows: sizes, names that say nothing, what must not be committed."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
_NAMELESS = re.compile(r"(^|/)(utils?|helpers?|common|manager|base|misc)\.py$")
_MAX_READ_BYTES = 2_000_000
# Written apart, so that this page does not break its own rule.
_HOSTS = re.compile(
    "|".join(
        rf"{name}\.{end}"
        for name, end in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            (r"registry\.npmjs", "org"),
            (r"deb\.debian", "org"),
            (r"proxy\.golang", "org"),
            (r"static\.crates", "io"),
            (r"repo1?\.maven", "org"),
        )
    )
)
_MACHINE_PATHS = re.compile(r"/" r"home/[a-z]|/" r"root/\.|/" r"Users/[A-Z]")

_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


def problems(root: Path) -> list[str]:
    """Return every broken rule as ``file: what``."""
    return [problem for path in _tracked(root) for problem in _of_file(root, path)]


def _tracked(root: Path) -> list[str]:
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if (root / path).is_file()]


def _of_file(root: Path, path: str) -> Iterator[str]:
    file = root / path
    if file.stat().st_size > _MAX_READ_BYTES:
        return
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    yield from (f"{path}: {problem}" for problem in of_text(text))
    if path.endswith(".py") and not path.startswith("gen/"):
        yield from (f"{path}: {problem}" for problem in of_python(path, text))


def of_text(text: str) -> Iterator[str]:
    """Yield what is wrong with any text of the project."""
    if found := _HOSTS.search(text):
        yield f"holds the address of a package registry ({found.group()})"
    if _CONFLICT.search(text):
        yield "holds a merge conflict that nobody has resolved"
    if found := _MACHINE_PATHS.search(text):
        yield f"holds a path of somebody's machine ({found.group()})"


def of_python(path: str, text: str) -> Iterator[str]:
    """Yield what is wrong with the shape of a module."""
    if _NAMELESS.search(path):
        yield "its name says nothing; name the noun it holds"
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{lines} lines; split it by noun below {MAX_FILE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno
            if length > MAX_FUNCTION_LINES:
                yield f"{node.name} has {length} lines; at most {MAX_FUNCTION_LINES}"
