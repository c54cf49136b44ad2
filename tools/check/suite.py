"""The list of checks, slowest first, so that two at a time end together."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.check import breaking, house

ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended."""

    name: str
    passed: bool
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, what it promises when it passes, and how it is run."""

    name: str
    promise: str
    command: tuple[str, ...] = ()
    function: Callable[[Path], list[str]] | None = None

    def run(self) -> Outcome:
        """Run it in the project's root."""
        if self.function is not None:
            problems = self.function(ROOT)
            return Outcome(self.name, not problems, "\n".join(problems))
        done = subprocess.run(self.command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
        return Outcome(self.name, done.returncode == 0, done.stdout + done.stderr)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def _module(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


CHECKS: tuple[Check, ...] = (
    Check(
        name="unit",
        promise="cores, tools and golden files do what their tests say",
        command=_module("pytest", "-q", "tests/unit", "tests/golden"),
    ),
    Check(name="types", promise="every type of services, tools and tests holds (mypy strict)", command=_module("mypy")),
    Check(name="lint", promise="no rule of the linter is broken", command=_module("ruff", "check", "--quiet", ".")),
    Check(name="format", promise="one form of the code", command=_module("ruff", "format", "--check", "--quiet", ".")),
    Check(name="imports", promise="rooms know only whom they may know", command=(str(_BIN / "lint-imports"),)),
    Check(name="protos", promise="the contract is linted and commented", command=(str(_BIN / "buf"), "lint", "protos")),
    Check(name="breaking", promise="no wire break without its reason", function=breaking.problems),
    Check(
        name="generated",
        promise="gen/ is what protos/ gives",
        command=_module("tools.protos.generate", "--check"),
    ),
    Check(name="docs", promise="generated pages are fresh", command=_module("tools.docs", "--check")),
    Check(
        name="docstrings",
        promise="public names are documented",
        command=(str(_BIN / "interrogate"), "--quiet", "services", "tools"),
    ),
    Check(name="house", promise="sizes, names and addresses follow the house rules", function=house.problems),
)
