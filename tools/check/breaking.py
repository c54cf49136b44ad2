"""Whether the contract broke its past, and whether each break is named with its reason in ``protos/breaks.yaml``."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

_BUF = str(Path(sys.executable).parent / "buf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One finding of buf."""

    rule: str
    path: str
    message: str


def problems(root: Path) -> list[str]:
    """Return every break against the commit before that the list does not name."""
    base = _base(root)
    if base is None:
        return []
    allowed = yaml.safe_load((root / "protos" / "breaks.yaml").read_text()) or []
    return [
        f"{found.path}: {found.message} ({found.rule}); name it with its reason in protos/breaks.yaml or undo it"
        for found in _findings(root, base)
        if not any(is_named(found, entry) for entry in allowed)
    ]


def is_named(found: Break, entry: dict[str, str]) -> bool:
    """Tell whether ``entry`` of the list names this break and gives a reason."""
    return bool(
        entry.get("reason", "").strip()
        and entry.get("rule") == found.rule
        and entry.get("path") == found.path
        and entry.get("contains", "") in found.message
    )


def _base(root: Path) -> str | None:
    """Return what to compare with: main where this is a branch of it, else the commit before; None at the beginning."""
    head = _git(root, "rev-parse", "HEAD")
    for reference in ("origin/main", "main", "HEAD~1"):
        commit = _git(root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
        if commit and commit != head and _git(root, "ls-tree", commit, "protos/buf.yaml"):
            return commit
    return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(("git", *arguments), cwd=root, capture_output=True, text=True, check=False)  # noqa: S607 - git of the PATH
    return done.stdout.strip() if done.returncode == 0 else ""


def _findings(root: Path, base: str) -> list[Break]:
    against = f"{root / '.git'}#ref={base},subdir=protos"
    command = (_BUF, "breaking", "protos", "--against", against, "--error-format", "json")
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode and not done.stdout.strip():
        return [Break(rule="BUF", path="protos", message=done.stderr.strip())]
    lines = (json.loads(line) for line in done.stdout.splitlines() if line)
    return [
        Break(rule=line["type"], path=line.get("path", "").removeprefix("protos/"), message=line["message"])
        for line in lines
    ]
