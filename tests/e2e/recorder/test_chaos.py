"""The chaos run keeps every promise, and would say if one was broken."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.process import ROOT

SEED = 20_261


@pytest.mark.spec("REC-02", "REC-09", "REC-15", "T11")
async def test_chaos(tmp_path: Path) -> None:
    """Fifteen seconds of one seed: kills, restarts, freezes, cuts, erasures and rotations break nothing."""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tools.chaos", "--seed", str(SEED), "--seconds", "15", "--keep", str(tmp_path)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'gen/python'}"},
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith(f"seed {SEED}, 15 s")
    assert "records acknowledged" in ran.stdout
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - nothing failed, so nothing is kept
