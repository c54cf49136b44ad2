"""The database of a stack is lost, and comes back by the steps of docs/evidence.md."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.stack import Stack, running
from tools.up.postgres import NAME as POSTGRES


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Yield a stack of its own, since its database is thrown away."""
    with running("--no-sample") as stack:
        yield stack


@pytest.mark.spec("REC-16")
def test_a_lost_database_comes_back(stack: Stack, tmp_path: Path) -> None:
    """A decision is listed and judged again from what came back; where evidence stands, nothing takes its place."""
    decision = stack.told("decide", "--timeout", "60", "How many days of annual leave do I have?")["decision"]
    assert stack.run("backup", "make", str(tmp_path)).returncode == 0
    refused = stack.run("backup", "restore", str(tmp_path))
    assert refused.returncode == 1
    assert "holds" in refused.stderr
    assert stack.run("down").returncode == 0
    shutil.rmtree(stack.root / POSTGRES)
    assert stack.up("--no-sample").returncode == 0

    logs = stack.told("backup", "restore", str(tmp_path))

    assert [log["whole"] for log in logs] == [True]
    assert logs[0]["records"] == logs[0]["size"] > 0
    assert decision["decisionId"] in stack.run("records", "--json").stdout
    again = stack.run("replay", decision["decisionId"])
    assert again.returncode == 0, again.stdout + again.stderr
