"""How full a volume is."""

import os
from pathlib import Path

PERCENT = 100.0


def used_percent(folder: Path) -> float:
    """Return the share of the volume below ``folder`` that no ordinary account can write to any more.

    Raises:
        OSError: It cannot be looked at.
    """
    volume = os.statvfs(folder)
    return PERCENT * (1 - volume.f_bavail / volume.f_blocks) if volume.f_blocks else PERCENT
