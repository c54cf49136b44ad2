"""The page that says which row of the feature table is proven by which test, and which are open."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.docs.rows import areas, every

_CITED = re.compile(r"(?:[A-Z]{3}-\d{2}|T\d{1,2})")


def page(root: Path) -> str:
    """Return the page, read from the ``spec`` marks of the tests."""
    proofs = proofs_of(root / "tests")
    proven = [row for row in every() if row in proofs]
    sections = "\n".join(_section(area, titles, proofs) for area, titles in areas().items())
    return f"""# Which test proves which row

{len(proven)} of {len(every())} rows are cited by at least one test. A citation says that the test proves the row or a
part of it; a row without one is open. Ids are those of the feature table.

{sections}"""


def proofs_of(tests: Path) -> Mapping[str, list[str]]:
    """Return the tests that cite each row, as ``file::function`` relative to ``tests``."""
    proofs: dict[str, list[str]] = defaultdict(list)
    for file in sorted(tests.rglob("test_*.py")):
        for name, rows in _citations(ast.parse(file.read_text(encoding="utf-8"))):
            for row in rows:
                proofs[row].append(f"{file.relative_to(tests)}::{name}")
    return proofs


def _citations(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield each test, class or the module itself with the rows that it cites."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if rows := [row for mark in node.decorator_list for row in _rows(mark)]:
                yield node.name, rows
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            yield "(all of it)", _rows(node.value)


def _rows(node: ast.expr) -> list[str]:
    """Return the rows in every ``pytest.mark.spec(...)`` inside ``node``."""
    return [
        argument.value
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "spec"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and _CITED.fullmatch(argument.value)
    ]


def _section(area: str, titles: Mapping[str, str], proofs: Mapping[str, list[str]]) -> str:
    proven = [f"| {row} | {title} | {_tests(proofs[row])} |" for row, title in titles.items() if row in proofs]
    missing = [f"- {row}: {title}" for row, title in titles.items() if row not in proofs]
    parts = [f"## {area}"]
    if proven:
        parts.append("\n".join(["| Row | What it asks | Proven by |", "|---|---|---|", *proven]))
    if missing:
        parts.append("\n".join(["Open:", "", *missing]))
    return "\n\n".join(parts) + "\n"


def _tests(names: list[str]) -> str:
    return "<br>".join(f"`{name}`" for name in names)
