"""The keys in their file, read again where the file has changed."""

from dataclasses import dataclass, field

from services.chassis.clock import Clock
from services.chassis.config import SecretFile
from services.provider.core.keys import NO_KEY, Key, parse


@dataclass(slots=True, kw_only=True)
class KeyFile:
    """Implements the Keys port on one file; without a file there is one key that shows nothing."""

    file: SecretFile | None
    clock: Clock
    _seen: tuple[int, ...] | None = field(default=None)

    def changed(self) -> tuple[Key, ...] | None:
        """Return the keys where the file is another than last time; none of them where it is gone."""
        seen = self._look()
        if seen == self._seen:
            return None
        self._seen = seen
        if self.file is None:
            return (NO_KEY,)
        try:
            return parse(self.file.read())
        except (OSError, UnicodeDecodeError):
            return ()

    def age_s(self) -> float:
        """Return how long ago the file was last written; 0 without one."""
        try:
            written = self.file.path.stat().st_mtime if self.file else None
        except OSError:
            return 0.0
        return 0.0 if written is None else max(0.0, self.clock.now().timestamp() - written)

    def _look(self) -> tuple[int, ...]:
        """Return what tells one state of the file from another; a mounted secret changes by a new inode."""
        if self.file is None:
            return (0,)
        try:
            state = self.file.path.stat()
        except OSError:
            return ()
        return (state.st_ino, state.st_mtime_ns, state.st_size)
