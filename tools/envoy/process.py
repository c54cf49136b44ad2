"""How Envoy is started, and where its binary is."""

import shutil
import sys
from pathlib import Path

DRAIN_TIME_S = 5
"""Over how many seconds a draining Envoy asks its callers to leave."""


def binary() -> Path:
    """Return Envoy's binary: the one beside this Python, else the one on the path.

    Raises:
        FileNotFoundError: There is none; the ``local`` extra installs it.
    """
    beside = Path(sys.executable).parent / "envoy"
    found = str(beside) if beside.exists() else shutil.which("envoy")
    if found is None:
        raise FileNotFoundError("no envoy binary: install the distribution with its `local` extra")
    return Path(found)


def command(config: Path, *, concurrency: int = 2) -> list[str]:
    """Return the command line that serves ``config``; hot restart is off, so that two meshes can run side by side."""
    return [
        str(binary()),
        "--config-path",
        str(config),
        "--concurrency",
        str(concurrency),
        "--disable-hot-restart",
        "--drain-time-s",
        str(DRAIN_TIME_S),
        "--log-level",
        "warning",
    ]
