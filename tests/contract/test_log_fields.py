"""No line of a service says [redacted] where its author meant to say something."""

import ast
from collections.abc import Iterator
from pathlib import Path

from services.chassis import log

SERVICES = Path(__file__).parents[2] / "services"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def keywords(tree: ast.AST, *, methods: set[str], on: str) -> Iterator[ast.keyword]:
    """Yield the keyword arguments of calls of ``methods`` on something whose name contains ``on``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            owner = node.func.value
            if on in (
                owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            ):
                yield from node.keywords


def declared(tree: ast.AST) -> set[str]:
    """Return the field names that a module declares when it takes its logger."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and "get_logger" in ast.unparse(node.func):
            for keyword in node.keywords:
                names.update(ast.literal_eval(keyword.value) if keyword.arg == "fields" else ())
    return names


def undeclared(path: Path) -> list[str]:
    """Return the fields of log calls that are neither on the allow-list nor declared by their own module."""
    tree = ast.parse(path.read_text())
    known = log.allowed() | declared(tree) | {"exc_info"}
    return [word.arg for word in keywords(tree, methods=LEVELS, on="log") if word.arg and word.arg not in known]


def test_every_field_is_declared() -> None:
    """Each field of each log call is on the allow-list, or in ``get_logger(..., fields=[...])`` of its module."""
    found = {str(path.relative_to(SERVICES)): undeclared(path) for path in SERVICES.rglob("*.py")}

    assert not {path: fields for path, fields in found.items() if fields}
