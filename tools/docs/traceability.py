"""The page that says which row of the feature table is proven by which test, and which are open."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.docs.rows import AREAS, every

_CITED = re.compile(r"(?:[A-Z]{3}-\d{2}|T\d{1,2})")


def page(root: Path) -> str:
    """Return the page, read from the ``spec`` marks of the tests."""
    proofs = proofs_of(root / "tests")
    rows = every()
    proven = [row for row in rows if row in proofs]
    sections = "\n".join(_section(prefix, title, rows, proofs) for prefix, (title, _) in AREAS.items())
    traps = [row for row in rows if "-" not in row]
    return f"""# Which test proves which row

{len(proven)} of {len(rows)} rows are cited by at least one test. A citation says that the test proves the row or a part
of it; a row without one is open. Ids are those of the feature table.

{sections}
## Known defects of earlier systems

{_table(traps, proofs)}
"""


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


def _section(prefix: str, title: str, rows: list[str], proofs: Mapping[str, list[str]]) -> str:
    return f"## {title}\n\n{_table([row for row in rows if row.startswith(prefix)], proofs)}\n"


def _table(rows: list[str], proofs: Mapping[str, list[str]]) -> str:
    open_rows = [row for row in rows if row not in proofs]
    lines = [f"| {row} | {'<br>'.join(f'`{test}`' for test in proofs[row])} |" for row in rows if row in proofs]
    table = "\n".join(["| Row | Proven by |", "|---|---|", *lines]) if lines else "None is proven yet."
    return f"{table}\n\nOpen: {', '.join(open_rows) or 'none'}."
