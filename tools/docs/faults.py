"""The page that says which fault of the crash matrix is tried by which test (reliability 2.6)."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROWS = {
    "K1": "the recorder dies before a record is queued, or before its transaction begins",
    "K2": "it dies while it holds the log",
    "K3": "it dies after the insert, before COMMIT",
    "K4": "it dies when COMMIT is sent and its answer not read",
    "K5": "it dies after COMMIT, before the acknowledgement",
    "K6": "the publisher dies before, while or after it signs",
    "K7": "a spool's process dies in a frame, before or after the flush, while a file is renamed or replayed",
    "K8": "an outbox's process dies after it sent and before it deleted",
    "P1": "PostgreSQL restarts, at once or in order, or its standby takes over",
    "P2": "PostgreSQL or the recorder is frozen",
    "P3": "the volume of the data is full",
    "P4": "the volume of the write-ahead log is full",
    "P5": "sessions are ended, connections run out, statements time out, locks are held, transactions collide",
    "R1": "Redis is killed, cut off, held up, emptied or full",
    "T1": "a database administrator alters evidence",
    "T2": "yesterday's backup is restored and goes on",
    "T3": "two recorders are active",
    "C1": "the clock is wrong",
    "E1": "a person is erased, and yesterday's backup is restored",
}
"""What each row does to the system; after each nothing acknowledged may be lost, moved or doubled."""
_ID = "[KPRTCE][1-8]"
_NAMED = re.compile(rf"({_ID}(?:(?:, | and | to ){_ID})*)(?::| of the crash matrix)")
_RANGE = re.compile(r"([KPRTCE])([1-8]) to \1([1-8])")


def page(root: Path) -> str:
    """Return the page, read from docstrings that begin with a row's id, such as ``K7: ...``."""
    tried = proofs_of(root / "tests")
    rows = "\n".join(f"| {row} | {what} | {_tests(tried.get(row, []))} |" for row, what in ROWS.items())
    return f"""# Which test tries which fault

After each fault the same must be true: every acknowledged record stands at its index, no index is missing or there
twice, all checkpoints are of one tree, the same key has the same index, and what waited at its producer has arrived.

| Row | Fault | Tried by |
|---|---|---|
{rows}

`make chaos` mixes these at random for 75 s, from a seed that it prints. Real power loss under a disk whose cache lies
about its writes is not tried here: it needs the hardware, or a file system made for it.
"""


def proofs_of(tests: Path) -> Mapping[str, list[str]]:
    """Return the tests of each row, as ``file::function`` relative to ``tests``."""
    proofs: dict[str, list[str]] = defaultdict(list)
    for file in sorted(tests.rglob("test_*.py")):
        for name, rows in _named(ast.parse(file.read_text(encoding="utf-8"))):
            for row in rows:
                proofs[row].append(f"{file.relative_to(tests)}{name}")
    return proofs


def _named(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield the module, and each test of it, with the rows that its docstring begins with."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in (tree, *functions):
        if found := _NAMED.match(ast.get_docstring(node) or ""):
            yield "" if isinstance(node, ast.Module) else f"::{node.name}", _rows(found[1])


def _rows(named: str) -> list[str]:
    """Return the ids in ``K1 to K3 and P1``."""
    listed = _RANGE.sub(lambda m: " ".join(f"{m[1]}{n}" for n in range(int(m[2]), int(m[3]) + 1)), named)
    return re.findall(_ID, listed)


def _tests(names: list[str]) -> str:
    return "<br>".join(f"`{name}`" for name in names) or "not yet"
