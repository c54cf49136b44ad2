"""Log files of the parts: the end is what people look at, and none grows over many starts."""

from collections import deque
from pathlib import Path

ROLL_BYTES = 32 * 1024 * 1024
"""A log that is larger when its part starts is put aside; the one that was aside before is dropped."""
_TAIL_BYTES = 32_768


def roll(log: Path) -> None:
    """Put a large log aside as ``<name>.log.1``."""
    if size(log) > ROLL_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def size(log: Path) -> int:
    """Return the length of a log in bytes; 0 when there is no file."""
    return log.stat().st_size if log.exists() else 0


def tail(log: Path, count: int, *, since: int = 0) -> tuple[str, ...]:
    """Return the last ``count`` lines of a log file behind its byte ``since``; none when there is no file."""
    if not log.exists():
        return ()
    with log.open("rb") as file:
        file.seek(max(since, size(log) - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return tuple(deque(lines, maxlen=count))
