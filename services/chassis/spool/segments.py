"""The files of a spool: one that grows, and those that are closed and wait to be sent.

Everything here blocks; the spool calls it in a thread.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from services.chassis.spool import frames
from services.chassis.spool.frames import Item

_GROWING = "growing"
_CLOSED = ".closed"
_REFUSED = "refused"
_FRESH = "rewritten"
_LOCK = "lock"
_DIGITS = 16
_OWNER_ONLY = 0o600


class SpoolError(Exception):
    """The folder cannot be used as a spool."""


class Segments:
    """A folder of segments that one process owns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._growing = folder / _GROWING
        self._lock = _locked(folder / _LOCK)
        (folder / _FRESH).unlink(missing_ok=True)
        self._file = -1
        self._size = 0
        # What a crash left growing is closed; the next start of this process would write behind a torn frame.
        self._next = 1 + max((int(path.stem) for path in self.closed()), default=0)
        self._open()
        if self._size:
            self.rotate()

    @property
    def growing_bytes(self) -> int:
        """Return the size of the segment that grows."""
        return self._size

    def total_bytes(self) -> int:
        """Return the size of all segments that wait."""
        return self._size + sum(path.stat().st_size for path in self.closed())

    def append(self, data: bytes) -> None:
        """Write whole frames and return when they are on the disk; after a failure nothing of them is there.

        Raises:
            OSError: They could not be written, for example because the disk is full.
        """
        try:
            _write_all(self._file, data)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

    def rotate(self) -> None:
        """Close the growing segment and begin another."""
        os.fsync(self._file)
        os.close(self._file)
        self._file = -1
        self._growing.rename(self._folder / f"{self._next:0{_DIGITS}}{_CLOSED}")
        self._next += 1
        self._open()

    def closed(self) -> Sequence[Path]:
        """Return the closed segments, the oldest first."""
        return sorted(self._folder.glob(f"*{_CLOSED}"))

    @staticmethod
    def read(segment: Path) -> Sequence[Item]:
        """Return the items of a closed segment."""
        return list(frames.read(segment.read_bytes()))

    def remove(self, segment: Path) -> None:
        """Forget a segment of which everything is acknowledged."""
        segment.unlink()

    def refuse(self, items: Sequence[Item]) -> None:
        """Put items that will never be taken aside, durably: a person must look at them."""
        with (self._folder / _REFUSED).open("ab") as file:
            file.write(b"".join(map(frames.write, items)))
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self._folder)

    def rewrite(self, change: Callable[[Item], Item]) -> int:
        """Replace the items of closed segments and those put aside, durably; return how many are others now."""
        aside = self._folder / _REFUSED
        files = [*self.closed(), *([aside] if aside.exists() else [])]
        return sum(self._rewrite(file, change) for file in files)

    def _rewrite(self, file: Path, change: Callable[[Item], Item]) -> int:
        before = self.read(file)
        after = [change(item) for item in before]
        changed = sum(one != other for one, other in zip(before, after, strict=True))
        if changed:
            # A crash leaves the old file or the new one whole; the leftover of a rewrite is no segment.
            fresh = file.with_name(_FRESH)
            with fresh.open("wb") as target:
                target.write(b"".join(map(frames.write, after)))
                target.flush()
                os.fsync(target.fileno())
            fresh.replace(file)
            _sync_folder(self._folder)
        return changed

    def close(self) -> None:
        """Let the folder go; everything in it stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        os.close(self._lock)

    def _open(self) -> None:
        self._file = os.open(self._growing, os.O_RDWR | os.O_CREAT | os.O_APPEND, _OWNER_ONLY)
        data = self._growing.read_bytes()
        self._size = max((stop for _, stop in frames.spans(data)), default=0)
        os.ftruncate(self._file, self._size)
        _sync_folder(self._folder)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    """Make names durable: a file whose name is lost is lost."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise SpoolError(f"another process uses the spool {path.parent}") from error
    return descriptor
