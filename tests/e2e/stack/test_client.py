"""What the page for writers of clients prints runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

from tests.fakes.stack import PATIENCE_S, ROOT, Stack, environment

PAGE = ROOT / "docs" / "clients.md"


def test_the_printed_python_client_gets_a_decision(stack: Stack, tmp_path: Path) -> None:
    """Copied beside a stack, with its port filled in, it prints a verdict and an answer."""
    (printed,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    client = printed.replace("127.0.0.1:PORT", stack.record.edge).replace("timeout=30", f"timeout={PATIENCE_S}")
    (tmp_path / ".magistrate").symlink_to(stack.root)
    outcome = subprocess.run(
        [sys.executable, "-c", client],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr
    assert re.match(r"[1-5] ", outcome.stdout)
