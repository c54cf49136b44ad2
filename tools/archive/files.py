"""A folder that comes into being whole: written beside its place, its digests listed, then given its name."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools.verify.archive import layout


class NewFolder:
    """The files of a folder that is not there yet; only what ran to its end leaves a folder behind."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._sums = list[str]()
        self._long = list[LongFile]()

    def __enter__(self) -> Self:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._root = Path(tempfile.mkdtemp(prefix=f".{self._target.name}.", dir=self._target.parent))
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        for file in self._long:
            file.close()
        if kind is None:
            self._write(layout.SUMS, "".join(sorted(self._sums, key=lambda line: line[66:])).encode())
            self._root.rename(self._target)
        else:
            shutil.rmtree(self._root, ignore_errors=True)

    def add(self, name: str, content: bytes) -> None:
        """Write one file."""
        self._write(name, content)
        self._note(name, hashlib.sha256(content).hexdigest())

    def add_long(self, name: str) -> "LongFile":
        """Return a file that is written bit by bit; it is finished when the block ends."""
        file = LongFile((self._root / name).open("wb"), lambda digest: self._note(name, digest))
        self._long.append(file)
        return file

    def _note(self, name: str, digest: str) -> None:
        self._sums.append(f"{digest}  {name}\n")

    def _write(self, name: str, content: bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class LongFile:
    """A file too long to be held."""

    def __init__(self, file: IO[bytes], closed: Callable[[str], None]) -> None:
        self._file, self._closed, self._digest = file, closed, hashlib.sha256()

    def write(self, content: bytes) -> None:
        """Write on."""
        self._file.write(content)
        self._digest.update(content)

    def close(self) -> None:
        """Finish; its digest is known now."""
        self._file.close()
        self._closed(self._digest.hexdigest())
