"""Only adapters speak SQL: what decides could run on any other store."""

import ast
import re
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[3] / "services"
DRIVERS = {"asyncpg", "psycopg", "sqlite3", "sqlalchemy", "aiosqlite"}
STATEMENT = re.compile(
    r"\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|create\s+(table|index)\s)",
    re.IGNORECASE | re.DOTALL,
)
AT_HOME = {"adapters", "migrations"}
COMPOSING = {"assembly.py", "main.py"}
"""They hand a pool from where it is opened to the adapters, so they may name its type."""


def rooms() -> list[Path]:
    """Return every module of a service in which no SQL belongs."""
    own = [path for path in SERVICES.rglob("*.py") if path.parent != SERVICES and not AT_HOME & set(path.parts)]
    return [path for path in own if path.relative_to(SERVICES).parts[0] != "chassis"]


def texts(module: ast.Module) -> list[str]:
    """Return the texts of a module, but for its docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(module) if isinstance(node, documented)}
    found = [node.value for node in ast.walk(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for text in found if text not in docstrings]


@pytest.mark.spec("REC-20")
def test_no_statement_outside_of_adapters() -> None:
    """No module that decides anything holds a statement or names a driver of a database."""
    assert len(rooms()) > 100
    for path in rooms():
        module = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(module) if isinstance(node, ast.Import | ast.ImportFrom)]
        named = {alias.name for node in imports for alias in node.names} | {
            getattr(node, "module", "") for node in imports
        }
        if path.name not in COMPOSING:
            assert not DRIVERS & {str(name).split(".")[0] for name in named}, path
        assert [text for text in texts(module) if STATEMENT.match(text)] == [], path


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("select a from b", True),
        ("\nUPDATE head set size = 1", True),
        ("insert into x values (1)", True),
        ("select a model", False),
        ("update the file", False),
        ("delete from here", True),
    ],
)
def test_what_a_statement_looks_like(text: str, is_one: bool) -> None:
    """The pattern knows statements from sentences that begin alike."""
    assert bool(STATEMENT.match(text)) is is_one
