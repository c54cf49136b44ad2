"""Read an exported folder file by file; whatever is wrong with a file says which one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tools.verify.archive import layout


class Damage(StrEnum):
    """The first thing that does not hold."""

    KEY = "key"
    """A verifier key cannot be read."""
    MISSING = "missing"
    """A file is not there."""
    FORM = "form"
    """A file is cut off, too long, or not what its name says."""
    SIGNATURE = "signature"
    """A checkpoint is not signed by the key, or was changed after it was signed."""
    RECORD = "record"
    """A record is not the one that the tree has at its index."""
    TILE = "tile"
    """A tile holds hashes that do not lead to the root."""
    ROOT = "root"
    """Everything agrees with itself and leads to another root than the signed one."""
    WITNESS = "witness"
    """Too few of the policy's witnesses have seen the checkpoint."""
    HISTORY = "history"
    """An earlier checkpoint is of another tree: the log was rewritten since, or has lost its end."""
    CONTENT = "content"
    """Content is not what its record commits to, or is said to be what it is not."""
    ERASURE = "erasure"
    """The record that is said to be of the erasure does not say so."""
    SUM = "sum"
    """A file is not what it was when it was written."""


class DamageError(Exception):
    """The folder is damaged."""

    def __init__(self, damage: Damage, explanation: str, *, file: str = "", index: int | None = None) -> None:
        super().__init__(explanation)
        self.damage, self.explanation, self.file, self.index = damage, explanation, file, index


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The verdict; `damage` is None exactly when everything holds."""

    damage: Damage | None
    explanation: str
    file: str = ""
    """Where the damage is."""
    index: int | None = None
    """The first bad index, where the damage has one."""
    origin: str = ""
    tree_size: int = 0
    start: int = 0
    stop: int = 0
    """The records that were checked: from ``start`` to before ``stop``."""
    earlier: int = 0
    """Earlier checkpoints that the tree agrees with."""
    witnesses: Sequence[str] = ()
    """The witnesses of the policy, if one was given, that have seen the checkpoint."""
    content: Mapping[str, int] | None = None
    """How many records' content is in which state; of content in the state OPENED, SEALED or both, every byte was
    checked."""

    @property
    def verified(self) -> bool:
        """Return whether everything holds."""
        return self.damage is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What `log.json` says."""

    origin: str
    tree_size: int
    start: int
    stop: int


class Folder:
    """The files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str, *, index: int | None = None) -> bytes:
        """Return a file's bytes.

        Raises:
            DamageError: MISSING, with the first index that it would have held.
        """
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError as error:
            raise DamageError(Damage.MISSING, f"{name} is missing", file=name, index=index) from error
        except (OSError, ValueError) as error:  # a name with a zero byte is of the second kind
            raise DamageError(Damage.FORM, f"{name} cannot be read: {error}", file=name) from error

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        return (self._root / name).is_file()

    def text(self, name: str) -> str:
        """Return a file's text.

        Raises:
            DamageError: MISSING; FORM, it is not UTF-8.
        """
        try:
            return self.read(name).decode()
        except UnicodeDecodeError as error:
            raise DamageError(Damage.FORM, f"{name} is not a UTF-8 text", file=name) from error

    def facts(self) -> Facts:
        """Return what the folder is of.

        Raises:
            DamageError: MISSING; FORM.
        """
        try:
            said = json.loads(self.text(layout.FACTS))
            facts = Facts(
                origin=str(said["origin"]),
                tree_size=_number(said["tree_size"]),
                start=_number(said["start_index"]),
                stop=_number(said["end_index"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            problem = f"{layout.FACTS} does not say which records of which log these are"
            raise DamageError(Damage.FORM, problem, file=layout.FACTS) from error
        if not facts.start <= facts.stop <= facts.tree_size:
            problem = f"{layout.FACTS} names records that a tree of {facts.tree_size} has not"
            raise DamageError(Damage.FORM, problem, file=layout.FACTS)
        return facts

    def earlier(self) -> Iterator[str]:
        """Yield the paths of the earlier checkpoints, the smallest first."""
        names = [path.name for path in (self._root / layout.EARLIER).glob("*") if path.is_file()]
        yield from (f"{layout.EARLIER}/{name}" for name in sorted(names, key=lambda name: (len(name), name)))

    def lines(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield the JSON objects of a file's lines.

        Raises:
            DamageError: MISSING; FORM, with the line.
        """
        try:
            file = (self._root / name).open("rb")
        except FileNotFoundError as error:
            raise DamageError(Damage.MISSING, f"{name} is missing", file=name) from error
        with file:
            for at, line in enumerate(file, start=1):
                try:
                    said = json.loads(line)
                except (ValueError, RecursionError):
                    said = None
                if not isinstance(said, dict):
                    raise DamageError(Damage.FORM, f"line {at} of {name} is not a JSON object", file=name)
                yield said

    def names(self) -> set[str]:
        """Return the paths of all files."""
        return {path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file()}


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number from 0")
    return value
